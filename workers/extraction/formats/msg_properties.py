"""Properties inside Outlook's msg files, which are folders of streams in one file ([MS-OXMSG])."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from olefile.olefile import STGTY_STORAGE, STGTY_STREAM

from workers.extraction.encodings import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from olefile import OleFileIO
    from olefile.olefile import OleDirectoryEntry

STREAM = "__properties_version1.0"
_ENTRY = struct.Struct("<HHI8s")
_UNICODE, _BYTES, _BINARY, _OBJECT = "001F", "001E", "0102", "000D"
_NUMBER, _TIME = 0x0003, 0x0040
_CODE_PAGES = (0x3FFD, 0x3FDE)
_UTF_8, _LATIN_FIRST, _LATIN_LAST = 65001, 28591, 28605
_NAMED = {
    _UTF_8: "utf-8",
    20127: "ascii",
    50220: "iso-2022-jp",
    51932: "euc-jp",
    51949: "euc-kr",
    54936: "gb18030",
}
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass
class Folder:
    """A message, an attachment or a recipient: what has properties. `code_page` is that of its message."""

    ole: OleFileIO
    entry: OleDirectoryEntry
    path: tuple[str, ...] = ()
    head_bytes: int = 32
    code_page: str = ""
    _kids: dict[str, OleDirectoryEntry] = field(init=False)
    _fixed: dict[tuple[int, int], bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._kids = {kid.name: kid for kid in self.entry.kids}
        data = self._stream(STREAM)[self.head_bytes :]
        entries = _ENTRY.iter_unpack(data[: len(data) // _ENTRY.size * _ENTRY.size])
        self._fixed = {(pid, kind): value for kind, pid, _, value in entries}
        numbers = filter(None, map(self.number, _CODE_PAGES))
        self.code_page = next(map(_encoding, numbers), self.code_page)

    def text(self, *pids: int) -> str:
        """Return the first of these properties that is a text and not empty."""
        for pid in pids:
            data = self._value(pid, _UNICODE)
            text = (
                data.decode("utf-16-le", errors="replace")
                if data
                else decoded(self._value(pid, _BYTES), self.code_page)
            )
            if text.strip("\0 \r\n\t"):
                return text.replace("\0", "")
        return ""

    def binary(self, pid: int) -> bytes:
        """Return a property's bytes."""
        return self._value(pid, _BINARY)

    def number(self, pid: int) -> int:
        """Return a property that is a number; 0 where there is none."""
        return int.from_bytes(self._fixed.get((pid, _NUMBER), b"")[:4], "little")

    def time(self, *pids: int) -> datetime | None:
        """Return the first of these properties that is a time."""
        for pid in pids:
            ticks = int.from_bytes(self._fixed.get((pid, _TIME), b""), "little")
            try:
                if ticks:
                    return _EPOCH + timedelta(microseconds=ticks // 10)
            except OverflowError:
                continue
        return None

    def inside(self, start: str, head_bytes: int = 8) -> Iterator[Folder]:
        """Yield the folders in this one whose names begin so."""
        for kid in self.entry.kids:
            if kid.entry_type == STGTY_STORAGE and kid.name.startswith(start):
                yield Folder(self.ole, kid, (*self.path, kid.name), head_bytes, self.code_page)

    def message(self, pid: int) -> Folder | None:
        """Return the message that a property is; None where it is something else."""
        found = next(self.inside(f"__substg1.0_{pid:04X}{_OBJECT}", head_bytes=24), None)
        return found if found is not None and STREAM in found._kids else None

    def _value(self, pid: int, kind: str) -> bytes:
        return self._stream(f"__substg1.0_{pid:04X}{kind}")

    def _stream(self, name: str) -> bytes:
        kid = self._kids.get(name)
        if kid is None or kid.entry_type != STGTY_STREAM:
            return b""
        with self.ole.openstream([*self.path, name]) as stream:
            return bytes(stream.read())


def _encoding(code_page: int) -> str:
    if _LATIN_FIRST <= code_page <= _LATIN_LAST:
        return f"iso-8859-{code_page - _LATIN_FIRST + 1}"
    return _NAMED.get(code_page, f"cp{code_page}")
