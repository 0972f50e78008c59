"""EXIF: when, with which camera and where a picture was taken; Windows' own fields in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import ExifTags

from workers.extraction.formats.picture_said import KEYWORDS_MAX, Said, clean, iso_time

if TYPE_CHECKING:
    from PIL.Image import Exif

_XP_TITLE, _XP_COMMENT, _XP_AUTHOR, _XP_KEYWORDS = 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E
_WRITTEN_BY_CAMERAS = (
    "OLYMPUS DIGITAL CAMERA",
    "SONY DSC",
    "DIGITAL CAMERA",
    "DCIM",
    "SAMSUNG",
    "KONICA MINOLTA",
)
"""Captions that say nothing of the picture."""


def said_by_exif(exif: Exif) -> Said:
    """Return what a picture's EXIF says; raises what damaged one makes Pillow raise."""
    taken = exif.get_ifd(ExifTags.IFD.Exif)
    caption = _text(exif.get(ExifTags.Base.ImageDescription)) or _wide(exif.get(_XP_COMMENT))
    if caption.upper().startswith(_WRITTEN_BY_CAMERAS):
        caption = ""
    metadata = {
        "camera": _camera(exif),
        "rights": _text(exif.get(ExifTags.Base.Copyright)),
        **_position(exif.get_ifd(ExifTags.IFD.GPSInfo)),
    }
    return Said(
        title=_wide(exif.get(_XP_TITLE)),
        captions={"": caption} if caption else {},
        authors=_each(_text(exif.get(ExifTags.Base.Artist)) or _wide(exif.get(_XP_AUTHOR))),
        keywords=_each(_wide(exif.get(_XP_KEYWORDS))),
        created=iso_time(
            _text(taken.get(ExifTags.Base.DateTimeOriginal)),
            _text(taken.get(ExifTags.Base.OffsetTimeOriginal)),
        ),
        metadata={name: value for name, value in metadata.items() if value},
    )


def _camera(exif: Exif) -> str:
    """Return maker and model, the maker's name once: `NIKON CORPORATION` makes the `NIKON D850`."""
    make, model = _text(exif.get(ExifTags.Base.Make)), _text(exif.get(ExifTags.Base.Model))
    named = model.casefold().startswith(make.casefold().split(" ")[0])
    return model if named else f"{make} {model}".strip()


def _position(gps: dict[int, Any]) -> dict[str, str]:
    """Return latitude and longitude in degrees, south and west below 0; nothing where they make no sense."""
    names = ExifTags.GPS
    latitude = _degrees(gps.get(names.GPSLatitude), gps.get(names.GPSLatitudeRef), "S", 90)
    longitude = _degrees(gps.get(names.GPSLongitude), gps.get(names.GPSLongitudeRef), "W", 180)
    return {"latitude": latitude, "longitude": longitude} if latitude and longitude else {}


def _degrees(parts: Any, side: Any, below: str, most: int) -> str:
    if not isinstance(parts, tuple) or len(parts) != 3:
        return ""
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except ZeroDivisionError:
        return ""
    value = degrees + minutes / 60 + seconds / 3600
    if not 0 <= value <= most:  # neither is nan
        return ""
    return f"{-value if _text(side).upper().startswith(below) else value:.6f}"


def _text(value: Any) -> str:
    """Return a text; Pillow takes it for Latin-1, most programs write UTF-8."""
    if not isinstance(value, str):
        return ""
    try:
        return clean(value.encode("latin-1").decode())
    except UnicodeError:
        return clean(value)


def _wide(value: Any) -> str:
    """Return a text of Windows, which writes UTF-16 as bytes."""
    data = bytes(value) if isinstance(value, (bytes, tuple)) else b""
    return clean(data.decode("utf-16-le", errors="replace"))


def _each(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";")[:KEYWORDS_MAX] if part.strip())
