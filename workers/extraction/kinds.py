"""What kind of document a file is: by its content, and among texts by its name. Names lie, so they only help."""

from __future__ import annotations

import re
import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO

from workers.formats import zips
from workers.inference.sniff import sniff_format

ARCHIVE = "zip"
"""A file that is no document, but has others inside."""
DAMAGED = "damaged"
"""A file that begins as a zip does and does not end as one, whatever it was to be."""

HEAD_BYTES = 4096
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MSG_NAMES = "__properties_version1.0".encode("utf-16-le")
_TNEF = b"\x78\x9f\x3e\x22"
_TNEF_NAME = "winmail.dat"
"""What Outlook calls it, whatever is in it."""
_MAILS_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:From |[!-9;-~]+:)")
_OLE_HEAD_BYTES = 1 << 20
_PDF_WITHIN = 1024
"""Mail gateways and web servers put lines before a PDF's own beginning, and viewers look as far."""

SUFFIXES = {
    ".pdf": "pdf",
    ".zip": ARCHIVE,
    ".docx": "docx", ".docm": "docx", ".dotx": "docx", ".dotm": "docx",
    ".pptx": "pptx", ".pptm": "pptx", ".ppsx": "pptx", ".potx": "pptx",
    ".xlsx": "xlsx", ".xlsm": "xlsx", ".xltx": "xlsx",
    ".odt": "odt", ".ods": "ods", ".odp": "odp", ".ott": "odt", ".ots": "ods", ".otp": "odp",
    ".rtf": "rtf",
    ".epub": "epub",
    ".html": "html", ".htm": "html", ".xhtml": "html", ".mhtml": "eml", ".mht": "eml",
    ".md": "markdown", ".markdown": "markdown",
    ".txt": "text", ".text": "text", ".log": "text",
    ".eml": "eml", ".msg": "msg", ".tnef": "tnef",
}  # fmt: skip
"""The kind that a name promises: which files of a folder are taken for documents."""

_TEXTS = frozenset({"html", "markdown", "eml", "text"})
"""Kinds whose files may speak of any other format."""

_MIMETYPES = {
    b"application/epub+zip": "epub",
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    b"application/vnd.oasis.opendocument.text-template": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet-template": "ods",
    b"application/vnd.oasis.opendocument.presentation-template": "odp",
}
_OFFICE = (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx"))


def kind_by_name(name: str) -> str | None:
    """Return the kind that a file's name promises; None for one that is no document's."""
    path = PurePosixPath(name)
    return "tnef" if path.name.lower() == _TNEF_NAME else SUFFIXES.get(path.suffix.lower())


def kind_of(file: BinaryIO, name: str) -> str | None:
    """Return the kind of an opened file; None for one that no reader takes. Leaves the file at its start."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    promised = kind_by_name(name)
    if promised == "eml" and _MAILS_HEAD.match(head):
        return "eml"  # whatever is in its parts
    if head.startswith(zips.STARTS):
        return _in_zip(file)
    if head.startswith(_OLE):
        return _in_ole(file)
    if head.startswith(_TNEF):
        return "tnef"
    if b"%PDF-" in (head.lstrip()[:5] if promised in _TEXTS else head[:_PDF_WITHIN]):
        return "pdf"
    if head.lstrip().startswith(b"{\\rtf"):
        return "rtf"
    if sniff_format(head) is not None:
        return "picture"
    return _of_text(head, promised)


def _in_zip(file: BinaryIO) -> str | None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            kind = _MIMETYPES.get(_mimetype(archive))
    except zips.DAMAGED:
        return DAMAGED
    finally:
        file.seek(0)
    if kind is None and "[Content_Types].xml" in names:
        return next((kind for start, kind in _OFFICE if any(n.startswith(start) for n in names)), None)
    return kind or ARCHIVE


def _mimetype(archive: zipfile.ZipFile) -> bytes:
    info = archive.NameToInfo.get("mimetype")
    return archive.read(info)[:100].strip() if info and info.file_size <= 1000 else b""


def _in_ole(file: BinaryIO) -> str | None:
    """Tell a message of Outlook from the old Office formats and from encrypted new ones."""
    head = file.read(_OLE_HEAD_BYTES)
    sector_bytes = 1 << min(int.from_bytes(head[30:32], "little"), 12)
    file.seek((int.from_bytes(head[48:52], "little") + 1) * sector_bytes)
    names = head + file.read(
        _OLE_HEAD_BYTES
    )  # the directory's first sectors may stand behind all that it names
    file.seek(0)
    if _MSG_NAMES in names:
        return "msg"
    return "encrypted" if "EncryptedPackage".encode("utf-16-le") in names else "old_office"


def _of_text(head: bytes, promised: str | None) -> str | None:
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    if promised in _TEXTS:
        return promised
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "html" if text.startswith((b"<!doctype html", b"<html")) else None
