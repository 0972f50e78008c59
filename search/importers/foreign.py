"""Files that are no import format, known by their content and called by their names, before anything is stored."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, BinaryIO

from django.utils.translation import gettext_noop

from retrieval_site.errors import AppError
from search.importers.detecting import may_be_csv, text_head
from search.importers.tables import known_columns, no_table
from workers.extraction.kinds import ARCHIVE, kind_of
from workers.extraction.registry import READERS
from workers.formats import zips
from workers.formats.rows import read_rows
from workers.formats.text import encoding_of
from workers.inference.sniff import sniff_format

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.importers.types import Format

HEAD_BYTES = 2048
DIRECTORY_BYTES_MAX = 1024 * 1024
"""Of a zip's directory: office documents have small ones, and the web process reads no large one."""

_TAR_AT, _CONTROL_SHARE_MAX = 257, 0.05

_STARTS = (
    (b"%PDF-", gettext_noop("a PDF document")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", gettext_noop("an old Office file (xls, doc, ppt or msg)")),
    (b"7z\xbc\xaf\x27\x1c", gettext_noop("a 7-Zip archive")),
    (b"Rar!\x1a\x07", gettext_noop("a RAR archive")),
    (b"\x1f\x8b", gettext_noop("a gzip file (gz or tar.gz)")),
    (b"BZh", gettext_noop("a bzip2 file")),
    (b"\xfd7zXZ\x00", gettext_noop("an xz file")),
    (b"\x28\xb5\x2f\xfd", gettext_noop("a Zstandard file")),
    (b"\x04\x22\x4d\x18", gettext_noop("an LZ4 file")),
    (b"MSCF\x00", gettext_noop("a cabinet archive")),
    (b"!<arch>\n", gettext_noop("a Unix archive or Debian package")),
    (b"\xed\xab\xee\xdb", gettext_noop("an RPM package")),
    (b"MZ", gettext_noop("a Windows program")),
    (b"\x7fELF", gettext_noop("a Linux program or library")),
    (b"\xcf\xfa\xed\xfe", gettext_noop("a macOS program")),
    (b"\xce\xfa\xed\xfe", gettext_noop("a macOS program")),
    (b"\xca\xfe\xba\xbe", gettext_noop("a macOS program or Java class")),
    (b"\x00asm", gettext_noop("a WebAssembly program")),
    (b"#!", gettext_noop("a script")),
    (b"SQLite format 3\x00", gettext_noop("an SQLite database")),
    (b"\x00\x01\x00\x00Standard ", gettext_noop("an Access database")),
    (b"PAR1", gettext_noop("a Parquet file")),
    (b"ARROW1", gettext_noop("an Arrow file")),
    (b"\x89HDF\r\n", gettext_noop("an HDF5 file")),
    (b"\x93NUMPY", gettext_noop("a NumPy array")),
    (b"\x80\x02", gettext_noop("a Python pickle")),
    (b"\x80\x03", gettext_noop("a Python pickle")),
    (b"\x80\x04\x95", gettext_noop("a Python pickle")),
    (b"\x80\x05\x95", gettext_noop("a Python pickle")),
    (b"{\\rtf", gettext_noop("an RTF document")),
    (b"%!PS", gettext_noop("a PostScript document")),
    (b"8BPS", gettext_noop("a Photoshop picture")),
    (b"\x00\x00\x01\x00", gettext_noop("an icon")),
    (b"\xff\x0a", gettext_noop("a JPEG XL picture")),
    (b"\x00\x00\x00\x0cJXL ", gettext_noop("a JPEG XL picture")),
    (b"\x00\x00\x00\x0cjP  ", gettext_noop("a JPEG 2000 picture")),
    (b"ID3", gettext_noop("a sound file")),
    (b"OggS", gettext_noop("a sound or film file")),
    (b"fLaC", gettext_noop("a sound file")),
    (b"\x1aE\xdf\xa3", gettext_noop("a film (Matroska or WebM)")),
    (b"FLV\x01", gettext_noop("a film")),
    (b"wOFF", gettext_noop("a font")),
    (b"wOF2", gettext_noop("a font")),
    (b"OTTO", gettext_noop("a font")),
    (b"PK\x07\x08", gettext_noop("a zip archive in several parts")),
)  # fmt: skip
_TEXTUAL = (b"%PDF-", b"#!", b"{\\rtf", b"%!PS")
"""Starts that are told without looking for bytes that no text has."""

_TAGS = (
    (re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.I), gettext_noop("an HTML page")),
    (re.compile(rb"<(!doctype\s+svg|svg)\b", re.I), gettext_noop("an SVG drawing")),
    (re.compile(rb"<(!doctype|!--|[a-z][\w:.-]*[\s/>])", re.I), gettext_noop("an XML file")),
)
_MEMBERS = (
    ("xl/", gettext_noop("an Excel workbook (xlsx)")),
    ("word/", gettext_noop("a Word document (docx)")),
    ("ppt/", gettext_noop("a PowerPoint presentation (pptx)")),
    ("visio/", gettext_noop("a Visio drawing (vsdx)")),
    ("META-INF/container.xml", gettext_noop("an EPUB book")),
    ("AndroidManifest.xml", gettext_noop("an Android app")),
    ("META-INF/MANIFEST.MF", gettext_noop("a Java archive")),
    ("Index/Document.iwa", gettext_noop("an Apple document (Pages, Numbers or Keynote)")),
    ("Index.zip", gettext_noop("an Apple document (Pages, Numbers or Keynote)")),
)
_MIMETYPES = {
    b"application/epub+zip": gettext_noop("an EPUB book"),
    b"application/vnd.oasis.opendocument.text": gettext_noop("an OpenDocument text (odt)"),
    b"application/vnd.oasis.opendocument.spreadsheet": gettext_noop("an OpenDocument spreadsheet (ods)"),
    b"application/vnd.oasis.opendocument.presentation": gettext_noop("an OpenDocument presentation (odp)"),
}


def refuse_foreign(file: BinaryIO, wanted: Format | None = None, name: str = "") -> None:
    """Raise AppError `import.empty` or `import.format_unknown` for a file that no import reads; leaves it at its start.

    `wanted` is the format that it was said to have, `name` what it is called.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        raise AppError("import.empty")
    if wanted in (None, "file") and _is_readable(file, name):
        return
    found = _in_zip(file) if head.startswith(zips.STARTS) else foreign_name(head)
    if found:
        raise _refusal(found, wanted)
    if wanted in (None, "csv") and not head.startswith(zips.STARTS):
        _refuse_text(text_head(file))
    file.seek(0)


def is_text(file: BinaryIO) -> bool:
    """Tell a text, in whichever encoding, from what is none, or has nothing in it; leaves the file at its start."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return bool(head) and not head.startswith(zips.STARTS) and foreign_name(head) is None


def _is_readable(file: BinaryIO, name: str) -> bool:
    """Tell a file that is a document itself, or a picture; raises AppError for one that has a password."""
    kind = kind_of(file, name)
    if kind == "encrypted":
        raise _refusal(gettext_noop("an Office file with a password"))
    return kind in READERS and kind != ARCHIVE


def _refusal(found: str, wanted: Format | None = None) -> AppError:
    if found.startswith("a picture"):
        return AppError("import.format_unknown/picture", found=found)
    if wanted not in (None, "file"):
        return AppError("import.format_unknown/list", found=found)
    return AppError("import.format_unknown", found=found)


def foreign_name(head: bytes) -> str | None:
    """Return what a file is called by its first bytes, if it is no text: “a Windows program”."""
    picture = sniff_format(head)
    if picture:
        return gettext_noop("a picture ({picture})").format(picture=picture.upper())
    binary = _is_binary(head)
    for start, name in _STARTS:
        if head.startswith(start) and (binary or start in _TEXTUAL):
            return name
    if head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE")):
        return gettext_noop("a sound or film file")
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return gettext_noop("a tar archive")
    return gettext_noop("not text and in no format that is known here") if binary else _markup(head)


def _markup(head: bytes) -> str | None:
    """Return what a text is that begins with a tag, behind comments and an XML declaration."""
    encoding, mark = encoding_of(head)
    text = head[mark:].decode(encoding, errors="replace").encode().lstrip()
    is_xml = text[:5].lower() == b"<?xml"
    for start, end in ((b"<?", b"?>"), (b"<!--", b"-->")):
        while text.startswith(start) and end in text:
            text = text.partition(end)[2].lstrip()
    found = next((name for pattern, name in _TAGS if pattern.match(text)), None)
    return found or (gettext_noop("an XML file") if is_xml else None)


def _is_binary(head: bytes) -> bool:
    """Tell bytes that are no text, in whichever encoding: many of them are control characters."""
    encoding, mark = encoding_of(head)
    text = head.decode("latin-1") if encoding == "utf-8" else head[mark:].decode(encoding, errors="replace")
    controls = sum(sign < " " and not sign.isspace() for sign in text)
    return controls > _CONTROL_SHARE_MAX * len(text)


def _in_zip(file: BinaryIO) -> str | None:
    """Return what a zip is by the names in it, if it is no collection of files."""
    directory = zips.directory_of(file)
    if directory is None or not 0 < directory.bytes <= DIRECTORY_BYTES_MAX:
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            mimetype = archive.read("mimetype")[:100].strip() if _is_small(archive, "mimetype") else b""
    except zips.DAMAGED:
        return None  # the import itself says what is wrong with the archive
    return _MIMETYPES.get(mimetype) or _by_members(names)


def _is_small(archive: zipfile.ZipFile, name: str) -> bool:
    info = archive.NameToInfo.get(name)
    return info is not None and info.file_size <= 1000


def _by_members(names: Iterable[str]) -> str | None:
    listed = set(names)
    office = "[Content_Types].xml" in listed
    for wanted, found in _MEMBERS:
        if wanted in listed or (
            office and wanted.endswith("/") and any(n.startswith(wanted) for n in listed)
        ):
            return found
    return gettext_noop("an Office document") if office else None


def _refuse_text(text: bytes) -> None:
    """Raise AppError `import.format_unknown` for a text that begins with a line that names no column."""
    first = next(read_rows(io.BytesIO(text), known_columns), None) if may_be_csv(text.lstrip()) else None
    if first and not first.problem and not known_columns(first.cells):
        raise no_table(first.cells)
