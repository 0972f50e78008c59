"""IPTC-IIM: what agencies and archives write into JPEG and TIFF (IPTC, Information Interchange Model 4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import IptcImagePlugin

from workers.extraction.formats.picture_said import KEYWORDS_MAX, Said, clean, iso_time

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

    Records = dict[tuple[int, int], bytes | list[bytes]]

_TITLE, _KEYWORD, _DATE, _TIME, _AUTHOR, _HEADLINE, _CAPTION = 5, 25, 55, 60, 80, 105, 120
_METADATA = {
    _HEADLINE: "headline", 90: "city", 92: "place", 95: "state", 101: "country", 110: "credit", 115: "source",
    116: "rights",
}  # fmt: skip
_CHARACTER_SET = (1, 90)
_UTF_8 = b"\x1b%G"


def said_by_iptc(image: ImageFile) -> Said:
    """Return what a picture's IPTC records say; raises what damaged ones make Pillow raise."""
    records: Records = IptcImagePlugin.getiptcinfo(image) or {}
    is_utf_8 = records.get(_CHARACTER_SET) == _UTF_8

    def texts(dataset: int) -> tuple[str, ...]:
        values = records.get((2, dataset)) or []
        each = values if isinstance(values, list) else [values]
        return tuple(clean(_decoded(value, is_utf_8=is_utf_8)) for value in each[:KEYWORDS_MAX] if value)

    def text(dataset: int) -> str:
        return next(iter(texts(dataset)), "")

    metadata = {name: text(dataset) for dataset, name in _METADATA.items() if text(dataset)}
    caption = text(_CAPTION)
    return Said(
        title=text(_TITLE) or text(_HEADLINE),
        captions={"": caption} if caption else {},
        authors=texts(_AUTHOR),
        keywords=texts(_KEYWORD),
        created=iso_time(f"{text(_DATE)}T{text(_TIME)}"),
        metadata=metadata,
    )


def _decoded(value: bytes, *, is_utf_8: bool) -> str:
    """Decode a record; many programs write UTF-8 without saying so."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("utf-8" if is_utf_8 else "cp1252", errors="replace")
