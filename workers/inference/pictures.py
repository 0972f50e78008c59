"""Hostile bytes to an upright RGB picture, and a picture to what an image encoder takes.

Indexing and querying use the same functions, so that the same picture gives the same vector.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from workers.inference.colours import to_rgb
from workers.inference.errors import PictureError
from workers.inference.sniff import FORMATS, HEADER_BYTES, sniff_format

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workers.inference.manifest import ImageSpec

_DECODERS = {"heic": "HEIF"}
"""Pillow's names of the formats, where they are not simply the upper case of ours."""

_ANIMATED = ("gif", "png", "webp", "avif", "tiff")
"""Formats whose further frames are further pictures; in the others they are previews or depth maps."""

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_REDUCING_GAP = 3.0
_LONGEST_ASPECT = 4
"""Of pictures longer than this only the middle is resized: 8 × 1,000,000 pixels would grow to gigabytes."""
_PREVIEW_QUALITY = 82


@dataclass(frozen=True)
class PictureLimits:
    """What a picture may cost; bytes and pixels are checked before anything is decoded."""

    max_bytes: int = 32 << 20
    max_pixels: int = 64_000_000
    min_side: int = 8


DEFAULT_LIMITS = PictureLimits()


def open_picture(
    data: bytes, *, shortest_side: int | None = None, limits: PictureLimits = DEFAULT_LIMITS
) -> Image.Image:
    """Return the picture in `data`: RGB, upright by its EXIF orientation, on white, without metadata.

    With `shortest_side` a JPEG is decoded at the smallest of its own scales (1, 1/2, 1/4, 1/8) whose shorter
    side is still at least that long, which is faster; other formats come in full size.
    Raises PictureError, and nothing else, whatever the bytes are.
    """
    name = _check_bytes(data, limits)
    try:
        return _decode(data, name, shortest_side, limits)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(None, limits) from error
    except Exception as error:  # decoders fed with hostile bytes raise whatever they like
        message = "The picture cannot be read: its data ends early or is damaged."
        raise PictureError("image.truncated", message, {"format": name}) from error


def preview_jpeg(image: Image.Image, longest_side: int) -> bytes:
    """Return the picture as a JPEG whose longer side is at most `longest_side` pixels; never enlarged."""
    times = max(image.size) // longest_side
    small = image.reduce(times) if times > 1 else image.copy()  # averages: a third of a filter's work
    small.thumbnail((longest_side, longest_side), Image.Resampling.BILINEAR)
    target = io.BytesIO()
    small.save(target, "JPEG", quality=_PREVIEW_QUALITY)
    return target.getvalue()


def to_pixels(image: Image.Image, spec: ImageSpec) -> NDArray[np.float32]:
    """Return the encoder's input for one RGB picture: (3, size, size), or (10, 3, size, size) for ten crops.

    Values are (v / 255 − mean) / std per channel. `center` resizes the shorter side to `spec.resize` and cuts
    the middle, `squash` resizes straight to size², `ten` resizes to `spec.resize`² and cuts the four corners and
    the middle, then the same mirrored (the Full-Network Embedding's scheme).
    """
    if spec.crop == "ten":
        return np.stack([_normalised(crop, spec) for crop in _ten_crops(image, spec)])
    if spec.crop == "squash":
        return _normalised(_resized(image, (spec.size, spec.size), spec), spec)
    return _normalised(_centre(_middle(image), spec), spec)


def to_crop_scale(image: Image.Image, spec: ImageSpec) -> Image.Image:
    """Return the picture at the scale from which `to_pixels` cuts; training cuts at random places from the same."""
    if spec.crop == "ten":
        return _resized(image, (spec.resize, spec.resize), spec)
    middle = _middle(image)
    return _resized(middle, _crop_scale(middle.size, spec), spec)


def _check_bytes(data: bytes, limits: PictureLimits) -> str:
    if not data:
        raise PictureError("image.empty", "The file is empty.")
    if len(data) > limits.max_bytes:
        message = (
            f"The picture has {len(data) / 1e6:.1f} MB; at most {limits.max_bytes / 1e6:.1f} MB are allowed."
        )
        raise PictureError("image.too_large", message, {"bytes": len(data), "limit_bytes": limits.max_bytes})
    name = sniff_format(data[:HEADER_BYTES])
    if name is None:
        message = f"The file is not a picture in a format that is read here ({', '.join(FORMATS)})."
        raise PictureError("image.unknown_format", message, {"formats": list(FORMATS)})
    return name


def _decode(data: bytes, name: str, shortest_side: int | None, limits: PictureLimits) -> Image.Image:
    if name == "heic":
        _register_heif()
    with Image.open(io.BytesIO(data), formats=[_DECODERS.get(name, name.upper())]) as source:
        _check_size(source.size, limits)
        if name in _ANIMATED and getattr(source, "is_animated", False):
            message = "The picture is animated or has several pages; choose one still picture."
            raise PictureError("image.animated", message, {"format": name})
        if name == "jpeg" and shortest_side is not None:
            source.draft(source.mode, (shortest_side, shortest_side))
        source.load()
        # A decoder may find another size than the header told (TIFF, AVIF).
        _check_size(source.size, PictureLimits(max_pixels=limits.max_pixels, min_side=1))
        # Read after loading: PNG may store EXIF behind the picture, and Pillow turns TIFF by itself.
        orientation = _orientation(source)
        return _without_metadata(_upright(to_rgb(source), orientation))


def _register_heif() -> None:
    """Make Pillow read HEIC; imported only when the first one arrives, since libheif costs memory."""
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)


def _check_size(size: tuple[int, int], limits: PictureLimits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise _too_many_pixels(size, limits)
    if min(size) < limits.min_side:
        message = (
            f"The picture is only {width} × {height} pixels; each side needs at least {limits.min_side}."
        )
        detail = {"width": width, "height": height, "limit_side": limits.min_side}
        raise PictureError("image.too_small", message, detail)


def _too_many_pixels(size: tuple[int, int] | None, limits: PictureLimits) -> PictureError:
    limit = f"{limits.max_pixels / 1e6:.0f} megapixels"
    found = f"is {size[0]} × {size[1]} pixels" if size else "is far too large"
    detail = {"limit_pixels": limits.max_pixels} | ({"width": size[0], "height": size[1]} if size else {})
    return PictureError("image.too_many_pixels", f"The picture {found}; at most {limit} are allowed.", detail)


def _orientation(source: Image.Image) -> int:
    """Return the EXIF orientation, 1 where there is none; a broken EXIF block spoils no good picture."""
    try:
        return int(source.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001  EXIF is hostile data of its own, and its parser raises anything
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _without_metadata(image: Image.Image) -> Image.Image:
    """Return a plain picture: decoders keep the file, EXIF and profiles attached to theirs."""
    clean = image if type(image) is Image.Image else image.copy()
    clean.info = {}
    return clean


def _middle(image: Image.Image) -> Image.Image:
    """Cut the ends of an extremely long picture; a centre crop would not have shown them."""
    longest = min(image.size) * _LONGEST_ASPECT
    if max(image.size) <= longest:
        return image
    width, height = min(image.width, longest), min(image.height, longest)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _centre(image: Image.Image, spec: ImageSpec) -> Image.Image:
    """Return the middle size² of the picture at its crop scale; what would be cut away is not resized at all."""
    width, height = _crop_scale(image.size, spec)
    left, top = (width - spec.size) // 2, (height - spec.size) // 2
    across, down = image.width / width, image.height / height
    box = (left * across, top * down, (left + spec.size) * across, (top + spec.size) * down)
    return _resized(image, (spec.size, spec.size), spec, box)


def _crop_scale(size: tuple[int, int], spec: ImageSpec) -> tuple[int, int]:
    """Return a picture's size once its shorter side is `spec.resize` pixels long."""
    scale = spec.resize / min(size)
    return max(round(size[0] * scale), spec.resize), max(round(size[1] * scale), spec.resize)


def _resized(
    image: Image.Image,
    size: tuple[int, int],
    spec: ImageSpec,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """Return the picture, or of it the part in `box`, at another size."""
    return image.resize(size, _RESAMPLING[spec.interpolation], box=box, reducing_gap=_REDUCING_GAP)


def _cut(image: Image.Image, left: int, top: int, spec: ImageSpec) -> Image.Image:
    return image.crop((left, top, left + spec.size, top + spec.size))


def _ten_crops(image: Image.Image, spec: ImageSpec) -> list[Image.Image]:
    whole = to_crop_scale(image, spec)
    rest = spec.resize - spec.size
    places = ((0, 0), (rest, 0), (0, rest), (rest, rest), (rest // 2, rest // 2))
    crops = [_cut(whole, left, top, spec) for left, top in places]
    return crops + [crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for crop in crops]


def _normalised(image: Image.Image, spec: ImageSpec) -> NDArray[np.float32]:
    mean, std = np.asarray(spec.mean, np.float32), np.asarray(spec.std, np.float32)
    planes = np.asarray(image).transpose(2, 0, 1).astype(np.float32, order="C")
    planes *= (1 / (255 * std))[:, None, None]
    planes -= (mean / std)[:, None, None]
    return planes
