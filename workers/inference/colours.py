"""Every way in which a file may store colours, as plain 8-bit RGB on a white ground."""

from __future__ import annotations

import numpy as np
from PIL import Image

_ALPHA_MODES = ("RGBA", "LA", "PA", "La", "RGBa")
_WIDE_MODES = ("I", "F")


def to_rgb(image: Image.Image) -> Image.Image:
    """Return the decoded picture in mode RGB; transparent parts become white.

    Colour profiles are not applied: they are hostile data, and encoders are trained without them.
    """
    if image.mode.startswith(("I;16", *_WIDE_MODES)):
        return _wide_to_grey(image).convert("RGB")
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        return _on_white(image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _wide_to_grey(image: Image.Image) -> Image.Image:
    """Scale more than 8 bits to 8; Pillow's own conversion would clip, which turns most of them white."""
    values = np.asarray(image, dtype=np.float32)
    low, high = _value_range(values, image.mode)
    with np.errstate(all="ignore"):
        scaled = (np.clip(np.nan_to_num(values), low, high) - low) * (255 / max(high - low, 1e-6))
    return Image.fromarray(scaled.astype(np.uint8))


def _value_range(values: np.ndarray, mode: str) -> tuple[float, float]:
    """Return the values of black and white: the full 16 bits, or what the picture holds where no range is set."""
    if mode not in _WIDE_MODES:
        return 0.0, 65535.0
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 255.0)
    if low >= 0 and mode == "I" and high <= 65535:
        return 0.0, 255.0 if high <= 255 else 65535.0
    return low, high
