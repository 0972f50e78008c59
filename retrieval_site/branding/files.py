"""Logos and icons as files that an operator names: looked at when a process starts, kept in memory, served as they are.

A PNG or an SVG (an icon may be an ICO) is opened by browsers alone. Of an SVG, whatever could run or fetch something is
refused; besides, it is served with a policy under which nothing would.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from pathlib import Path

BYTES_MAX = 256 * 1024
PIXELS_MAX = 2_000
"""Of a PNG's longer side."""
PNG, SVG, ICO = "image/png", "image/svg+xml", "image/x-icon"
_PNG_BEGINS = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_SVG_ROOT = re.compile(r"\s*(<\?xml[^>]*\?>\s*)?(?><!--.*?-->\s*)*<svg[\s>]", re.DOTALL)
_FORBIDDEN = re.compile(
    r"<!doctype|<!entity|<\?xml-stylesheet|<\s*(\w+:)?(script|foreignobject|iframe|embed|object|animate|set)\b"
    r"|[\s\"'/]on\w+\s*=|javascript\s*:|@import|(href|src)\s*=\s*[\"']?\s*(?![\"'\s#]|data:image/(png|jpeg))"
    r"|url\(\s*[\"']?\s*(?![\"'\s#])|&#",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class BrandFile:
    """A logo or an icon; `digest` is of its bytes, so that an address with it can be cached for long."""

    content: bytes
    content_type: str
    digest: str


def read_brand_file(path: Path, variable: str, *, icon: bool = False) -> BrandFile:
    """Return a file; raises `ImproperlyConfigured` for one that is not there or not to be served."""
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise ImproperlyConfigured(f"{variable}: “{path}” cannot be read: {error.strerror}.") from error
    if len(content) > BYTES_MAX:
        raise ImproperlyConfigured(f"{variable}: “{path}” is larger than {BYTES_MAX // 1024} KiB.")
    content_type = _type_of(content, f"{variable}: “{path}”", icon=icon)
    return BrandFile(content, content_type, hashlib.sha256(content).hexdigest()[:16])


def _type_of(content: bytes, named: str, *, icon: bool) -> str:
    if content.startswith(_PNG_BEGINS):
        _check_pixels(content, named)
        return PNG
    if icon and content.startswith(b"\x00\x00\x01\x00"):
        return ICO
    _check_svg(content, named, "PNG, SVG or ICO" if icon else "PNG or SVG")
    return SVG


def _check_pixels(content: bytes, named: str) -> None:
    if len(content) < len(_PNG_BEGINS) + 8:
        raise ImproperlyConfigured(f"{named} is damaged.")
    sides = struct.unpack_from(">II", content, len(_PNG_BEGINS))
    if not 0 < min(sides) <= max(sides) <= PIXELS_MAX:
        raise ImproperlyConfigured(f"{named} is larger than {PIXELS_MAX} × {PIXELS_MAX} pixels, or damaged.")


def _check_svg(content: bytes, named: str, kinds: str) -> None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImproperlyConfigured(f"{named} is no {kinds}.") from error
    if "\0" in text or not _SVG_ROOT.match(text):
        raise ImproperlyConfigured(f"{named} is no {kinds}.")
    if found := _FORBIDDEN.search(text):
        raise ImproperlyConfigured(
            f"{named} holds “{found[0].strip()}”: an SVG that could run or fetch something is not served."
        )
