"""Every way in which a file may store colours, as plain 8-bit sRGB on a white ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image

from workers.inference.profiles import to_srgb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.inference.profiles import Convert

_ALPHA_MODES = ("RGBA", "LA", "PA", "La", "RGBa")
_WIDE_MODES = ("I", "F")
_STRIP_ROWS = 256


def to_rgb(image: Image.Image, profile: bytes | None = None) -> Image.Image:
    """Return the decoded picture in mode RGB and the colours of sRGB; transparent parts become white.

    `profile` is the ICC profile of its colours; without one, or with one that makes no sense, they are sRGB's.
    The given picture may be changed.
    """
    convert = to_srgb(profile, image.mode)
    if image.mode.startswith(("I;16", *_WIDE_MODES)):
        image = _wide_to_grey(image)
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        return _on_white(image, convert)
    if convert is not None:
        return convert(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image, convert: Convert | None) -> Image.Image:
    """Put the picture on a white ground, strip by strip: a mask of the whole would be a further copy."""
    if image.mode == "RGBA" and _is_opaque(image):
        rgb = image.convert("RGB")
        return rgb if convert is None else convert(rgb)
    ground = Image.new("RGB", image.size, "white")
    for top, strip in strips(image):
        with_alpha = strip.convert("RGBA")
        if convert is not None:
            with_alpha = convert(with_alpha)
        ground.paste(with_alpha, (0, top), mask=with_alpha.getchannel("A"))
    return ground


def _is_opaque(image: Image.Image) -> bool:
    """Whether no pixel of an RGBA picture lets anything through."""
    return cast("tuple[tuple[int, int], ...]", image.getextrema())[3] == (255, 255)


def _wide_to_grey(image: Image.Image) -> Image.Image:
    """Scale more than 8 bits to 8; Pillow's own conversion would clip, which turns most of them white."""
    low, high = _value_range(image)
    grey = Image.new("L", image.size)
    for top, strip in strips(image):
        values = np.asarray(strip, dtype=np.float32)
        with np.errstate(all="ignore"):
            scaled = (np.clip(np.nan_to_num(values), low, high) - low) * (255 / max(high - low, 1e-6))
            grey.paste(Image.fromarray(scaled.astype(np.uint8)), (0, top))
    return grey


def strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield the picture in strips of some rows, each with its first row's number."""
    for top in range(0, image.height, _STRIP_ROWS):
        yield top, image.crop((0, top, image.width, min(top + _STRIP_ROWS, image.height)))


def _value_range(image: Image.Image) -> tuple[float, float]:
    """Return the values of black and white: the full 16 bits, or what the picture holds where no range is set."""
    if image.mode not in _WIDE_MODES:
        return 0.0, 65535.0
    low, high = _extremes(image)
    if low >= 0 and image.mode == "I" and high <= 65535:
        return 0.0, 255.0 if high <= 255 else 65535.0
    return low, high


def _extremes(image: Image.Image) -> tuple[float, float]:
    """Return the least and the greatest finite value; 0 and 255 where there is none."""
    low, high = np.inf, -np.inf
    for _, strip in strips(image):
        values = np.asarray(strip, dtype=np.float32)
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 255.0)
