"""A mail's `winmail.dat`: what Outlook packs its text and attachments into. [MS-OXTNEF]."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.extraction.formats.compressed_rtf import rtf_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE = struct.pack("<I", 0x223E9F78)
_KEY_BYTES, _CHECKSUM_BYTES = 2, 2
_ATTRIBUTE = struct.Struct("<BII")
_BEGINS, _TITLE, _DATA, _OF_ATTACHMENT, _OF_MESSAGE = (
    0x00069002,
    0x00018010,
    0x0006800F,
    0x00069005,
    0x00069003,
)
_CODE_PAGE, _SUBJECT_LINE, _PLAIN = 0x00069007, 0x00018004, 0x0002800C
_SUBJECT, _BODY = 0x0037, 0x1000
_RTF, _HTML, _FILE_NAME, _MIME, _CONTENT_ID, _CONTENT = 0x1009, 0x1013, 0x3707, 0x370E, 0x3712, 0x3701
_OBJECT_ENDS = b"\xc0\0\0\0\0\0\0F"
"""The identifier of an object's kind, sixteen bytes before its content, ends so."""
_IS_MESSAGE = b"\7\3\2\0"
_NAMED = 0x8000
_SEVERAL = 0x1000
_WIDE_TEXT = 0x001F
_FIXED_BYTES = {
    0x0002: 4, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000A: 4, 0x000B: 4, 0x0014: 8, 0x0040: 8,
    0x0048: 16,
}  # fmt: skip
"""Of a value, padded, by the property's type; all other types have their length before them."""


class TnefError(Exception):
    """It is none, or its end is missing."""


@dataclass
class TnefFile:
    """A file that is packed in it; `is_message`: a message, whose content is left out."""

    name: str = ""
    content_type: str = ""
    content_id: str = ""
    data: bytes = b""
    is_message: bool = False


@dataclass
class Tnef:
    """What is packed: files, the subject, and the text as HTML, RTF or plain, empty where it has none."""

    files: list[TnefFile]
    html: bytes = b""
    rtf: bytes = b""
    text: str = ""
    subject: str = ""


def tnef_of(data: bytes, files_max: int) -> Tnef:
    """Return what is packed, at most `files_max` files and one. Raises TnefError."""
    if not data.startswith(_SIGNATURE):
        raise TnefError
    found, code_page = Tnef([]), "cp1252"
    for name, value in _attributes(data):
        if name == _CODE_PAGE and len(value) >= 4:
            code_page = f"cp{struct.unpack_from('<I', value)[0]}"
        elif name in (_OF_MESSAGE, _SUBJECT_LINE, _PLAIN):
            _say(found, name, value, code_page)
        elif name == _BEGINS:
            found.files.append(TnefFile())
            if len(found.files) > files_max:
                break
        elif found.files:
            _add(found.files[-1], name, value, code_page)
    return found


def _say(found: Tnef, name: int, value: bytes, code_page: str) -> None:
    """Take what is said of the message: its properties come last and know best."""
    if name == _SUBJECT_LINE:
        found.subject = _text(value, code_page)
    elif name == _PLAIN:
        found.text = _text(value, code_page)
    else:
        properties = _properties(value)
        found.html, found.rtf = properties.get(_HTML, b""), rtf_of(properties.get(_RTF, b""))
        found.text = _property_text(properties, _BODY, code_page) or found.text
        found.subject = _property_text(properties, _SUBJECT, code_page) or found.subject


def _add(file: TnefFile, name: int, value: bytes, code_page: str) -> None:
    if name == _TITLE:
        file.name = file.name or _text(value, code_page)
    elif name == _DATA:
        file.data = value
    elif name == _OF_ATTACHMENT:
        properties = _properties(value)
        file.name = _property_text(properties, _FILE_NAME, code_page) or file.name
        file.content_type = _property_text(properties, _MIME, code_page).strip().lower()
        file.content_id = _property_text(properties, _CONTENT_ID, code_page).strip("<>")
        _add_content(file, properties.get(_CONTENT, b""))


def _add_content(file: TnefFile, content: bytes) -> None:
    """Take what is packed as an object, unless the attachment has its bytes elsewhere."""
    is_object = content[8:16] == _OBJECT_ENDS
    file.is_message = is_object and content.startswith(_IS_MESSAGE)
    if not file.is_message:
        file.data = file.data or (content[16:] if is_object else content)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the attributes with their values; raises TnefError where one is cut off."""
    place = len(_SIGNATURE) + _KEY_BYTES
    while place + _ATTRIBUTE.size <= len(data):
        _, name, length = _ATTRIBUTE.unpack_from(data, place)
        place += _ATTRIBUTE.size
        if place + length > len(data):
            raise TnefError
        yield name, data[place : place + length]
        place += length + _CHECKSUM_BYTES


class _PropertyReader:
    """Reads numbers and bytes one after another; raises TnefError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._place : self._place + count]
        if len(taken) < count:
            raise TnefError
        self._place += count + -count % 4
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(4), "little")


def _properties(data: bytes) -> dict[int, bytes]:
    """Return the MAPI properties of a message or attachment by their numbers; texts are as `_property_text` reads them.

    Those behind one that is cut off are left out. Named ones and the second of several values are passed over.
    """
    found: dict[int, bytes] = {}
    reader = _PropertyReader(data)
    try:
        for _ in range(reader.number()):
            tag = reader.number()
            kind, number = tag & 0xFFFF, tag >> 16
            if number >= _NAMED:
                _pass_name(reader)
            values = _values(reader, kind)
            if values and number < _NAMED:
                found[number] = values[0]
    except TnefError:
        pass
    return found


def _pass_name(reader: _PropertyReader) -> None:
    reader.take(16)
    is_text = reader.number()
    if is_text:
        reader.take(reader.number())
    else:
        reader.number()


def _values(reader: _PropertyReader, kind: int) -> list[bytes]:
    plain = kind & ~_SEVERAL
    fixed = _FIXED_BYTES.get(plain)
    count = reader.number() if fixed is None or kind & _SEVERAL else 1
    values = []
    for _ in range(count):
        value = reader.take(reader.number() if fixed is None else fixed)
        if plain == _WIDE_TEXT:
            value = value.decode("utf-16-le", "replace").encode("utf-8", "replace")
        values.append(value)
    return values


def _property_text(properties: dict[int, bytes], number: int, code_page: str) -> str:
    value = properties.get(number, b"")
    try:
        return value.decode().rstrip("\0")
    except UnicodeDecodeError:
        return _text(value, code_page)


def _text(value: bytes, code_page: str) -> str:
    try:
        return value.decode(code_page, "replace").rstrip("\0")
    except LookupError:
        return value.decode("cp1252", "replace").rstrip("\0")
