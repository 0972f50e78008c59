"""Files that are no import format, known by their content and called by their names, before anything is stored."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, BinaryIO

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
    (b"%PDF-", "a PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (xls, doc, ppt or msg)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1f\x8b", "a gzip file (gz or tar.gz)"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\x04\x22\x4d\x18", "an LZ4 file"),
    (b"MSCF\x00", "a cabinet archive"),
    (b"!<arch>\n", "a Unix archive or Debian package"),
    (b"\xed\xab\xee\xdb", "an RPM package"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program or library"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"\xce\xfa\xed\xfe", "a macOS program"),
    (b"\xca\xfe\xba\xbe", "a macOS program or Java class"),
    (b"\x00asm", "a WebAssembly program"),
    (b"#!", "a script"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x00\x01\x00\x00Standard ", "an Access database"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x80\x05\x95", "a Python pickle"),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "a PostScript document"),
    (b"8BPS", "a Photoshop picture"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"ID3", "a sound file"),
    (b"OggS", "a sound or film file"),
    (b"fLaC", "a sound file"),
    (b"\x1aE\xdf\xa3", "a film (Matroska or WebM)"),
    (b"FLV\x01", "a film"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
    (b"OTTO", "a font"),
    (b"PK\x07\x08", "a zip archive in several parts"),
)  # fmt: skip
_TEXTUAL = (b"%PDF-", b"#!", b"{\\rtf", b"%!PS")
"""Starts that are told without looking for bytes that no text has."""

_TAGS = (
    (re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.I), "an HTML page"),
    (re.compile(rb"<(!doctype\s+svg|svg)\b", re.I), "an SVG drawing"),
    (re.compile(rb"<(!doctype|!--|[a-z][\w:.-]*[\s/>])", re.I), "an XML file"),
)
_MEMBERS = (
    ("xl/", "an Excel workbook (xlsx)"),
    ("word/", "a Word document (docx)"),
    ("ppt/", "a PowerPoint presentation (pptx)"),
    ("visio/", "a Visio drawing (vsdx)"),
    ("META-INF/container.xml", "an EPUB book"),
    ("AndroidManifest.xml", "an Android app"),
    ("META-INF/MANIFEST.MF", "a Java archive"),
    ("Index/Document.iwa", "an Apple document (Pages, Numbers or Keynote)"),
    ("Index.zip", "an Apple document (Pages, Numbers or Keynote)"),
)
_MIMETYPES = {
    b"application/epub+zip": "an EPUB book",
    b"application/vnd.oasis.opendocument.text": "an OpenDocument text (odt)",
    b"application/vnd.oasis.opendocument.spreadsheet": "an OpenDocument spreadsheet (ods)",
    b"application/vnd.oasis.opendocument.presentation": "an OpenDocument presentation (odp)",
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
        raise _refusal(found)
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
        raise _refusal("an Office file with a password")
    return kind in READERS and kind != ARCHIVE


def _refusal(found: str) -> AppError:
    if found.startswith("a picture"):
        return AppError("import.format_unknown/picture", found=found)
    return AppError("import.format_unknown", found=found)


def foreign_name(head: bytes) -> str | None:
    """Return what a file is called by its first bytes, if it is no text: “a Windows program”."""
    picture = sniff_format(head)
    if picture:
        return f"a picture ({picture.upper()})"
    binary = _is_binary(head)
    for start, name in _STARTS:
        if head.startswith(start) and (binary or start in _TEXTUAL):
            return name
    if head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE")):
        return "a sound or film file"
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "a tar archive"
    return "not text and in no format that is known here" if binary else _markup(head)


def _markup(head: bytes) -> str | None:
    """Return what a text is that begins with a tag, behind comments and an XML declaration."""
    encoding, mark = encoding_of(head)
    text = head[mark:].decode(encoding, errors="replace").encode().lstrip()
    is_xml = text[:5].lower() == b"<?xml"
    for start, end in ((b"<?", b"?>"), (b"<!--", b"-->")):
        while text.startswith(start) and end in text:
            text = text.partition(end)[2].lstrip()
    found = next((name for pattern, name in _TAGS if pattern.match(text)), None)
    return found or ("an XML file" if is_xml else None)


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
    return "an Office document" if office else None


def _refuse_text(text: bytes) -> None:
    """Raise AppError `import.format_unknown` for a text that begins with a line that names no column."""
    first = next(read_rows(io.BytesIO(text), known_columns), None) if may_be_csv(text.lstrip()) else None
    if first and not first.problem and not known_columns(first.cells):
        raise no_table(first.cells)
