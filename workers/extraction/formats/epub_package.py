"""What an EPUB says of itself: whether it is encrypted, its metadata, its chapters in order, its cover.

Its XML is read without entities; a path in it names a member of the archive and nothing else, wherever it leads.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from workers.extraction.dates import iso_date
from workers.extraction.types import Extracted
from workers.inference.errors import FileError

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

MEMBER_BYTES_MAX = 64 << 20
VALUE_CHARACTERS_MAX = 2_000
_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_APPLES_LICENCE = "META-INF/sinf.xml"
_FONTS_ONLY = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
"""What publishers scramble fonts with, so that they are of no use elsewhere: the text is as it is."""
_TAG = re.compile(r"<[^<>]*>")
_ISBN = re.compile(r"(?i)(?:urn:)?(?:isbn:?\s*)?((?:97[89])?[-\d]{9,16}[\dx])")
_TEXTS = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"})


@dataclass(frozen=True)
class Item:
    """A file of the book."""

    path: str
    media_type: str
    properties: tuple[str, ...]


@dataclass
class Package:
    """The book's metadata, and the paths of its chapters, its cover and its tables of contents."""

    said: Extracted = field(default_factory=Extracted)
    chapters: tuple[str, ...] = ()
    cover: str = ""
    contents: str = ""
    contents_of_old: str = ""


def member(archive: zipfile.ZipFile, path: str) -> bytes | None:
    """Return a member of the archive; None where there is none. Raises FileError `file.too_much`."""
    info = archive.NameToInfo.get(path)
    if info is None:
        return None
    if info.file_size > MEMBER_BYTES_MAX:
        raise FileError("file.too_much/packed")
    return archive.read(info)


def path_from(base: str, address: str) -> str:
    """Return the member's path that an address in the member `base` means; empty for what is elsewhere."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme or parts.netloc or not parts.path:
        return ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(parts.path)))


def xml_of(data: bytes | None, what: str) -> Element:
    """Return the root of an XML file. Raises FileError `file.damaged`: for what declares entities, too."""
    if data is None:
        raise FileError("file.damaged", reason=f"it has no {what}")
    try:
        root: Element = fromstring(data)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise FileError("file.damaged", reason=f"its {what} is no plain XML") from error
    return root


def named(root: Element, name: str) -> Iterator[Element]:
    """Yield the elements of a name, in whichever namespace."""
    return (one for one in root.iter() if local(one.tag) == name)


def local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2]


def check_encryption(archive: zipfile.ZipFile) -> None:
    """Raise FileError `file.encrypted` for a book whose text is."""
    data = member(archive, _ENCRYPTION)
    methods = named(xml_of(data, "encryption.xml"), "EncryptionMethod") if data else ()
    if _APPLES_LICENCE in archive.NameToInfo or any(
        one.get("Algorithm") not in _FONTS_ONLY for one in methods
    ):
        raise FileError("file.encrypted")


def package_of(archive: zipfile.ZipFile) -> Package:
    """Return what the book says of itself. Raises FileError `file.damaged`."""
    path = _path_of_package(archive)
    root = xml_of(member(archive, path), "package")
    items = {one.get("id", ""): _item(path, one) for one in named(root, "item")}
    chapters = [items.get(one.get("idref", "")) for one in named(root, "itemref")]
    covers = [items.get(_cover_id(root)), *(one for one in items.values() if "cover-image" in one.properties)]
    return Package(
        said=_said(root),
        chapters=tuple(dict.fromkeys(one.path for one in chapters if one and one.media_type in _TEXTS)),
        cover=next((one.path for one in covers if one and one.media_type.startswith("image/")), ""),
        contents=next((one.path for one in items.values() if "nav" in one.properties), ""),
        contents_of_old=next(
            (one.path for one in items.values() if one.media_type.endswith("dtbncx+xml")), ""
        ),
    )


def _path_of_package(archive: zipfile.ZipFile) -> str:
    data = member(archive, _CONTAINER)
    if data is None:
        return next((name for name in archive.namelist() if name.endswith(".opf")), "")
    files = named(xml_of(data, "container.xml"), "rootfile")
    return posixpath.normpath(next((one.get("full-path", "") for one in files), ""))


def _item(package: str, item: Element) -> Item:
    path = path_from(package, item.get("href", ""))
    return Item(path, item.get("media-type", ""), tuple(item.get("properties", "").split()))


def _cover_id(root: Element) -> str:
    metas = named(root, "meta")
    return next((one.get("content", "") for one in metas if one.get("name") == "cover"), "")


def _said(root: Element) -> Extracted:
    isbn = next((found[1] for text in _values(root, "identifier") if (found := _ISBN.fullmatch(text))), "")
    further = {name: next(iter(_values(root, name)), "") for name in ("publisher", "rights", "description")}
    return Extracted(
        title=next(iter(_values(root, "title")), ""),
        authors=tuple(
            _text(one) for one in named(root, "creator") if _role(one) in ("", "aut") and _text(one)
        ),
        created=next(filter(None, map(iso_date, _values(root, "date"))), ""),
        language=next(iter(_values(root, "language")), ""),
        keywords=tuple(dict.fromkeys(_values(root, "subject"))),
        metadata={name: value for name, value in {**further, "isbn": isbn}.items() if value},
    )


def _role(creator: Element) -> str:
    return next((value for name, value in creator.items() if local(name) == "role"), "")


def _values(root: Element, name: str) -> list[str]:
    return [text for one in named(root, name) if (text := _text(one))]


def _text(element: Element) -> str:
    return " ".join(_TAG.sub(" ", element.text or "")[:VALUE_CHARACTERS_MAX].split())
