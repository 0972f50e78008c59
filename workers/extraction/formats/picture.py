"""A picture's own metadata: a photo that comes alone is a document with title, caption and keywords.

XMP says most and in languages, then IPTC, then EXIF, then PNG's texts; when a picture was taken EXIF knows best. Pixels
are not looked at.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from defusedxml import DefusedXmlException

from workers.extraction.formats.picture_exif import said_by_exif
from workers.extraction.formats.picture_iptc import said_by_iptc
from workers.extraction.formats.picture_said import KEYWORDS_MAX, Said, clean, iso_time
from workers.extraction.formats.picture_xmp import said_by_xmp
from workers.extraction.types import Block, Extracted, Figure
from workers.inference.headers.reading import read_header
from workers.inference.pictures import undecoded
from workers.inference.sniff import HEADER_BYTES, sniff_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from workers.extraction.output import Output

_DAMAGED = (
    SyntaxError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error, EOFError,
    DefusedXmlException, ZeroDivisionError, OverflowError,
)  # fmt: skip
"""What Pillow and the parser raise for metadata that make no sense (`ParseError` is a SyntaxError)."""


def read(file: Path, out: Output) -> Extracted:
    """Return the picture as a figure, and what its metadata say; raises PictureError for what is no picture."""
    data = file.read_bytes()
    read_header(data)
    by_source, notes = _all_said(data)
    said = [*by_source.values()]
    captions = next((one.captions for one in said if one.captions), {})
    caption, title = next(iter(captions.values()), ""), next((one.title for one in said if one.title), "")
    metadata: dict[str, str] = {}
    for one in reversed(said):
        metadata |= one.metadata
    if metadata.get("headline") in (title, caption):
        del metadata["headline"]
    return Extracted(
        title=title,
        authors=next((one.authors for one in said if one.authors), ()),
        created=_created(by_source),
        language=next(iter(captions), ""),
        keywords=_unique(keyword for one in said for keyword in one.keywords),
        metadata=metadata,
        blocks=tuple(Block("text", text) for text in _unique(captions.values())),
        figures=(Figure(out.put(data), caption or title),),
        notes=notes,
    )


def _all_said(data: bytes) -> tuple[dict[str, Said], tuple[str, ...]]:
    """Return what each block of metadata says, the most telling first, and notes on those that were left out."""
    said, notes = dict[str, Said](), list[str]()
    with undecoded(data, sniff_format(data[:HEADER_BYTES]) or "") as image:
        for name, read_one in _SOURCES.items():
            try:
                said[name] = read_one(image)
            except _DAMAGED:
                notes.append(f"The picture's {name} cannot be read and was left out.")
    return said, tuple(notes)


def _xmp(image: Any) -> Said:
    found = _texts(image).get("XML:com.adobe.xmp") or image.info.get("xmp") or b""
    data = found.encode() if isinstance(found, str) else found
    return said_by_xmp(data) if data else Said()


def _exif(image: Any) -> Said:
    _texts(image)  # PNG may have it behind the pixels
    return said_by_exif(image.getexif())


def _png(image: Any) -> Said:
    """Return what PNG's own keywords say (PNG, section 11.3.3.2)."""
    texts = {name: clean(str(text)) for name, text in _texts(image).items()}
    caption, rights, author = (texts.get(name, "") for name in ("Description", "Copyright", "Author"))
    return Said(
        title=texts.get("Title", ""),
        captions={"": caption} if caption else {},
        authors=(author,) if author else (),
        created=iso_time(texts.get("Creation Time", "")),
        metadata={"rights": rights} if rights else {},
    )


def _texts(image: Any) -> dict[str, str]:
    """Return a PNG's texts, also those behind its pixels, which are decoded for it."""
    found: dict[str, str] = image.text if image.format == "PNG" else {}
    return found


_SOURCES: dict[str, Callable[[Any], Said]] = {"XMP": _xmp, "IPTC": said_by_iptc, "EXIF": _exif, "texts": _png}


def _created(said: dict[str, Said]) -> str:
    """Return EXIF's time, which is when the picture was taken, else the first other one."""
    by_exif = said["EXIF"].created if "EXIF" in said else ""
    return by_exif or next((one.created for one in said.values() if one.created), "")


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts once each, whatever their case."""
    found: dict[str, str] = {}
    for text in texts:
        if text:
            found.setdefault(text.casefold(), text)
    return tuple(found.values())[:KEYWORDS_MAX]
