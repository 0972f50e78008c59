"""What members of a zip are called, and which of them nobody meant to send."""

from __future__ import annotations

import re
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from workers.formats.zips import is_desktops

if TYPE_CHECKING:
    import zipfile

UTF8_FLAG = 0x800
UNICODE_PATH = 0x7075
"""Info-ZIP's field with a name in UTF-8."""

_SURE_SEPARATOR = re.compile(r"(?<![^\x00-\x7f])\\")


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


def is_junk_member(info: zipfile.ZipInfo) -> bool:
    """Tell junk in a zip; a backslash behind another byte than ASCII may be half of a character, and no separator."""
    return is_junk(_SURE_SEPARATOR.sub("/", info.orig_filename) if is_guessed(info) else member_name(info))


def is_junk(name: str) -> bool:
    """Tell what systems leave beside the files that a person meant: desktops' own, and all that is hidden.

    A bundle takes no hidden file for junk: what its manifest does not list is refused there.
    """
    return is_desktops(name) or any(part.startswith(".") for part in PurePosixPath(name).parts)


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
