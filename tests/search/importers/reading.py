"""Import files written and read back, for tests of their readers."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from PIL import Image

from search.importers.source import open_import
from search.importers.types import ImportOptions, Record, Rejected

if TYPE_CHECKING:
    from pathlib import Path

    from search.importers.types import FileWarning, Item


def png(colour: Any = "red", size: tuple[int, int] = (12, 10)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(members: dict[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def raw_zip(
    members: list[tuple[bytes, bytes]], *, flags: int = 0, extra: dict[bytes, bytes] | None = None
) -> bytes:
    """A zip whose names are these very bytes, as old tools write them."""
    body, directory = b"", b""
    for name, data in members:
        field = (extra or {}).get(name, b"")
        common = struct.pack(
            "<HHHHHIIIHH", 20, flags, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(name), len(field)
        )
        directory += (
            b"PK\x01\x02" + b"\x14\x00" + common + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name + field
        )
        body += b"PK\x03\x04" + common + name + field + data
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def unicode_path(name: bytes, text: str) -> bytes:
    """Info-ZIP's field with a name in UTF-8."""
    data = b"\x01" + struct.pack("<I", zlib.crc32(name)) + text.encode()
    return struct.pack("<HH", 0x7075, len(data)) + data


def read(path: Path, content: bytes | str, **options: Any) -> tuple[list[Item], list[FileWarning]]:
    """Return the items and warnings of an import file; every picture that they name is read."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with open_import(path, ImportOptions(**options)) as source:
        items = list(source.items())
        return items, source.warnings()


def documents(items: list[Item]) -> list[Record]:
    return [item for item in items if isinstance(item, Record)]


def problems(items: list[Item]) -> list[tuple[str, str]]:
    bad = (item for item in items if isinstance(item, Rejected))
    return [(item.where, problem.error_id) for item in bad for problem in item.problems]
