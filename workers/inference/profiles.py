"""From the colours that a file's profile describes to sRGB.

Profiles are hostile data: they are read where pictures are decoded, in a sandboxed process with limited time and
memory. One that cannot be read, or is of other colours than the picture's, is ignored: the picture is read as sRGB.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageCms

if TYPE_CHECKING:
    from collections.abc import Callable

Convert: TypeAlias = "Callable[[Image.Image], Image.Image]"

PROFILE_BYTES_MAX = 4 << 20
"""Those of printers have up to three megabytes."""
_CLASSES = ("mntr", "scnr", "prtr", "spac")
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")
_ALMOST_SRGB = 2
"""Of 255: a profile that moves no colour by more is one of sRGB, and converting would only cost time."""
_GRID = 9


def to_srgb(profile: bytes | None, mode: str) -> Convert | None:
    """Return what brings a picture of this mode to sRGB; None where its values are read as sRGB as they are.

    What is returned takes pictures of this mode, or after they were made RGBA. It returns RGB, or RGBA of RGBA, and may
    change the picture in place.
    """
    if mode == "LAB":
        return _transform(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "LAB")
    if not profile or len(profile) > PROFILE_BYTES_MAX:
        return None
    try:
        return _by_profile(ImageCms.ImageCmsProfile(io.BytesIO(profile)), mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _by_profile(profile: ImageCms.ImageCmsProfile, mode: str) -> Convert | None:
    space = profile.profile.xcolor_space.strip()
    if profile.profile.device_class.strip() not in _CLASSES:
        return None
    if space == "CMYK" and mode == "CMYK":
        return _transform(profile, "CMYK")
    if space == "GRAY" and mode.startswith(_GREY_MODES):
        return _of_grey(_transform(profile, "L"))
    if space == "RGB" and mode != "CMYK":
        return _of_rgb(profile)
    return None


def _transform(profile: ImageCms.ImageCmsProfile, mode: str) -> Convert:
    """Return the conversion from `mode` to RGB, in place where both are RGB; raises PyCMSError."""
    target = "RGBA" if mode == "RGBA" else "RGB"
    transform = ImageCms.buildTransform(
        profile,
        ImageCms.createProfile("sRGB"),
        mode,
        target,
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )

    def convert(image: Image.Image) -> Image.Image:
        if mode != target:
            return transform.apply(image)
        own = image.copy() if image.readonly else image
        return transform.apply_in_place(own)

    return convert


def _of_rgb(profile: ImageCms.ImageCmsProfile) -> Convert | None:
    opaque, with_alpha = _transform(profile, "RGB"), _transform(profile, "RGBA")
    if _is_srgb(opaque):
        return None

    def convert(image: Image.Image) -> Image.Image:
        if image.mode == "RGBA":
            return with_alpha(image)
        return opaque(image if image.mode == "RGB" else image.convert("RGB"))

    return convert


def _of_grey(to_rgb: Convert) -> Convert:
    """Return a conversion by a table: a grey value is one of 256."""
    ramp = Image.frombytes("L", (256, 1), bytes(range(256)))
    table = list(to_rgb(ramp).convert("L").tobytes())

    def convert(image: Image.Image) -> Image.Image:
        if image.mode in ("RGB", "RGBA"):
            return image.point(table * 3 + ([*range(256)] if image.mode == "RGBA" else []))
        grey = image if image.mode == "L" else image.convert("L")
        return grey.point(table).convert("RGB")

    return convert


def _is_srgb(convert: Convert) -> bool:
    steps = np.linspace(0, 255, _GRID).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    moved = np.asarray(convert(Image.fromarray(grid.copy())), np.int16) - grid
    return int(np.abs(moved).max()) <= _ALMOST_SRGB
