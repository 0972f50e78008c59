"""Names of files: as zips write them, and found again as a table of documents writes them.

The same name can be written in several ways: with accents composed or not (NFC, NFD), in the bytes of an old code page,
with backslashes between folders, in another case, or without its folder.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from workers.formats.zips import is_desktops

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Iterable, Iterator

UTF8_FLAG = 0x800
UNICODE_PATH = 0x7075
"""Info-ZIP's field with a name in UTF-8."""

CODE_PAGES = (
    "cp437", "cp850", "cp1252", "cp852", "cp1250", "cp932", "euc_jp", "gb18030", "big5", "cp949",
    "cp866", "cp1251", "koi8_r", "cp737", "cp1253", "cp857", "cp1254", "mac_roman",
)  # fmt: skip
"""In which a table's names are looked for among names that say nothing of how they are encoded."""

PICTURE_FOLDERS = ("images", "pictures")
ALIKE_MAX = 100
"""Files of one name that are compared by their folders."""

_SURE_SEPARATOR = re.compile(r"(?<![^\x00-\x7f])\\")
_DRIVE = re.compile(r"[A-Za-z]:")


def member_name(info: zipfile.ZipInfo) -> str:
    """Return the name of a zip's member, with `/` between folders.

    It is Unicode where the archive says so or its bytes are UTF-8; else those of code page 437, as zip has it.
    """
    name = _from_unicode_path(info) or _decoded(info)
    return name.replace("\\", "/")


def is_guessed(info: zipfile.ZipInfo) -> bool:
    """Tell whether nothing says which characters a member's name has."""
    name = info.orig_filename
    return (
        not name.isascii()
        and not info.flag_bits & UTF8_FLAG
        and not _from_unicode_path(info)
        and _decoded(info) == name
    )


def raw_name(name: str, code_page: str) -> bytes | None:
    """Return a name's bytes in a code page, `/` between folders; None where it cannot be written in it.

    In Shift-JIS and GBK the byte of a backslash may be half of a character; it is replaced all the same, on both sides.
    """
    try:
        return name.encode(code_page).replace(b"\\", b"/")
    except UnicodeEncodeError:
        return None


def is_unsafe(name: str) -> bool:
    """Tell a name that leads out of its folder, or that no file has."""
    return (
        not name
        or name.startswith("/")
        or bool(_DRIVE.match(name))
        or "\0" in name
        or ".." in PurePosixPath(name).parts
    )


def is_junk_member(info: zipfile.ZipInfo) -> bool:
    """Tell junk in a zip; a backslash behind another byte than ASCII may be half of a character, and no separator."""
    return is_junk(_SURE_SEPARATOR.sub("/", info.orig_filename) if is_guessed(info) else member_name(info))


def is_junk(name: str) -> bool:
    """Tell what systems leave beside the files that a person meant: desktops' own, and all that is hidden.

    A bundle takes no hidden file for junk: what its manifest does not list is refused there.
    """
    return is_desktops(name) or any(part.startswith(".") for part in PurePosixPath(name).parts)


class NameIndex:
    """Finds files by the names that a table gives them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_base: dict[str, list[str]] = {}
        for name in names:
            alike = self._by_base.setdefault(_base(name).casefold(), [])
            if len(alike) <= ALIKE_MAX:
                alike.append(name)

    def find(self, wanted: str, near: str = "") -> str | None:
        """Return the one file that is meant; None where there is none, or several that it could be.

        `near` is a folder that the name may be relative to.
        """
        wanted = _plain(wanted)
        alike = self._by_base.get(_base(wanted).casefold(), [])
        for fits in _ways(wanted, _nfc(near)):
            found = [name for name in alike if fits(_nfc(name))]
            if found:
                return found[0] if len(found) == 1 and len(alike) <= ALIKE_MAX else None
        return None


def _ways(wanted: str, near: str) -> Iterator[Callable[[str], bool]]:
    """Yield what a file's name may have in common with the one that is wanted, the closest first."""
    for folder in (near, "") if near else ("",):
        for sub in ("", *PICTURE_FOLDERS):
            yield "/".join(part for part in (folder, sub, wanted) if part).__eq__
    base, folded = _base(wanted), wanted.casefold()
    yield lambda name: name.casefold() == folded
    yield lambda name: name.endswith(f"/{wanted}")
    yield lambda name: name.casefold().endswith(f"/{folded}")
    yield lambda name: _base(name) == base
    yield lambda name: True


class RawIndex:
    """Finds members of a zip by the bytes of their names, where these do not say how they are encoded."""

    def __init__(self, members: Iterable[tuple[str, zipfile.ZipInfo]]) -> None:
        self._full: dict[bytes, str] = {}
        self._base: dict[bytes, str | None] = {}
        for name, info in members:
            if is_guessed(info) and (raw := raw_name(info.orig_filename, "cp437")):
                base = raw.rpartition(b"/")[2]
                self._full[raw] = name
                self._base[base] = None if base in self._base else name

    def find(self, wanted: str) -> str | None:
        """Return the member whose bytes are the wanted name in one of the code pages; None for none or several."""
        forms = [unicodedata.normalize(form, wanted.replace("\\", "/")) for form in ("NFC", "NFD")]
        raws = [raw for page in CODE_PAGES for form in forms if (raw := raw_name(form, page))]
        full = next((self._full[raw] for raw in raws if raw in self._full), None)
        bases = (raw.rpartition(b"/")[2] for raw in raws)
        return full or next((name for base in bases if (name := self._base.get(base))), None)


def _plain(name: str) -> str:
    name = _nfc(name.strip().replace("\\", "/"))
    while name.startswith("./"):
        name = name[2:]
    return name


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _base(name: str) -> str:
    return _nfc(PurePosixPath(name).name)


def _decoded(info: zipfile.ZipInfo) -> str:
    """Return the name; bytes that are UTF-8 without saying so are read as that."""
    if info.flag_bits & UTF8_FLAG:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode()
    except UnicodeError:
        return info.orig_filename


def _from_unicode_path(info: zipfile.ZipInfo) -> str | None:
    """Return the name in the Unicode Path field, if it belongs to the name beside it."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and field[:1] == b"\x01":
            raw = info.orig_filename.encode("utf-8" if info.flag_bits & UTF8_FLAG else "cp437")
            if int.from_bytes(field[1:5], "little") == zlib.crc32(raw):
                return field[5:].decode(errors="replace")
    return None
