"""Outlook's msg files, written the simplest way: folders and streams ([MS-CFB]) with properties ([MS-OXMSG])."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SECTOR, SMALL, SMALL_MAX = 512, 64, 4096
END, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_FOLDER, _STREAM, _ROOT = 1, 2, 5


@dataclass
class Folder:
    """Something with properties: texts, bytes and numbers by their id, and folders in it by their name."""

    properties: dict[int, str | bytes | int] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=dict)
    head_bytes: int = 32


def msg_of(root: Folder) -> bytes:
    """The file."""
    return _Writer().written(root)


class _Writer:
    def __init__(self) -> None:
        self._entries: list[list] = []  # name, kind, right sibling, child, first sector, size
        self._large, self._small = bytearray(), bytearray()
        self._fat: list[int] = []
        self._small_fat: list[int] = []

    def written(self, root: Folder) -> bytes:
        self._add_folder("Root Entry", _ROOT, root)
        self._entries[0][4:] = [self._kept_large(bytes(self._small)), len(self._small)]
        small_fat = struct.pack(f"<{len(self._small_fat)}I", *self._small_fat)
        small_fat_at = self._kept_large(small_fat, b"\xff")
        directory_at = self._kept_large(b"".join(map(_entry, self._entries)))
        sectors = 1
        while sectors * SECTOR // 4 < len(self._fat) + sectors:
            sectors += 1
        fat_at = len(self._fat)
        fat = [*self._fat, *[FAT] * sectors]
        fat += [FREE] * (sectors * SECTOR // 4 - len(fat))
        head = struct.pack(
            "<8s16xHHHHH6x9I", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6,
            0, sectors, directory_at, 0, SMALL_MAX, small_fat_at, -(-len(small_fat) // SECTOR), END, 0,
        )  # fmt: skip
        places = [*range(fat_at, fat_at + sectors), *[FREE] * (109 - sectors)]
        return head + struct.pack("<109I", *places) + bytes(self._large) + struct.pack(f"<{len(fat)}I", *fat)

    def _add_folder(self, name: str, kind: int, folder: Folder) -> int:
        at = self._add(name, kind)
        kids = [self._add_stream(name, data) for name, data in _streams(folder)]
        kids += [self._add_folder(name, _FOLDER, inner) for name, inner in folder.folders.items()]
        for kid, following in zip(kids, [*kids[1:], FREE], strict=True):
            self._entries[kid][2] = following
        self._entries[at][3] = kids[0]
        return at

    def _add_stream(self, name: str, data: bytes) -> int:
        at = self._add(name, _STREAM)
        if len(data) >= SMALL_MAX:
            first = self._kept_large(data)
        else:
            first = len(self._small) // SMALL if data else END
            self._small += data + bytes(-len(data) % SMALL)
            self._small_fat += _chain(first, -(-len(data) // SMALL))
        self._entries[at][4:] = [first, len(data)]
        return at

    def _kept_large(self, data: bytes, filling: bytes = b"\0") -> int:
        if not data:
            return END
        first = len(self._large) // SECTOR
        self._large += data + filling * (-len(data) % SECTOR)
        self._fat += _chain(first, -(-len(data) // SECTOR))
        return first

    def _add(self, name: str, kind: int) -> int:
        self._entries.append([name, kind, FREE, FREE, 0, 0])
        return len(self._entries) - 1


def _chain(first: int, count: int) -> list[int]:
    return [*range(first + 1, first + count), *[END] * bool(count)]


def _entry(entry: list) -> bytes:
    name, kind, right, child, first, size = entry
    written = name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16x4x16xIQ", written, len(written) + 2, kind, 1, FREE, right, child, first, size
    )


def _streams(folder: Folder) -> list[tuple[str, bytes]]:
    streams, fixed = [], bytes(folder.head_bytes)
    for pid, value in folder.properties.items():
        if isinstance(value, int):
            kind = 0x0040 if value > 0xFFFFFFFF else 0x0003
            fixed += struct.pack("<HHIQ", kind, pid, 6, value)
        else:
            kind = "001F" if isinstance(value, str) else "0102"
            data = value.encode("utf-16-le") if isinstance(value, str) else value
            streams.append((f"__substg1.0_{pid:04X}{kind}", data))
            fixed += struct.pack("<HHII4x", int(kind, 16), pid, 6, len(data))
    return [("__properties_version1.0", fixed), *streams]
