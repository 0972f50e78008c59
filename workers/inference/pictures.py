"""Hostile bytes to an upright RGB picture, and a picture to what an image encoder takes.

Indexing and querying use the same functions, so that the same picture gives the same vector.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from workers.inference.colours import to_rgb
from workers.inference.embedded import embedded_profile
from workers.inference.errors import PictureError
from workers.inference.headers.boxes import read_items
from workers.inference.headers.extents import exif_orientation
from workers.inference.headers.orientation import from_exif, from_hex, from_xmp
from workers.inference.headers.reading import (
    DEFAULT_LIMITS,
    UNREADABLE,
    check_size,
    read_header,
    too_many_pixels,
    truncated,
)
from workers.inference.headers.types import PartCount, PictureLimits
from workers.inference.mending import mended
from workers.inference.sniff import HEADER_BYTES, sniff_format

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from workers.inference.framing import Framing
    from workers.inference.manifest import ImageSpec

_DECODERS = {"heic": "HEIF"}
"""Pillow's names of the formats, where they are not simply the upper case of ours."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_CLOCKWISE = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
_BOXES = ("heic", "avif")
_TURNS = (b"irot", b"imir")
_RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_REDUCING_GAP = 3.0
_LONGEST_ASPECT = 4
"""Of pictures longer than this only the middle is resized: 8 × 1,000,000 pixels would grow to gigabytes."""
_PREVIEW_QUALITY = 82


@dataclass(frozen=True)
class Opened:
    """A decoded picture, and its upright size before it was decoded at a smaller scale."""

    image: Image.Image
    size: tuple[int, int]


def open_picture(
    data: bytes, *, shortest_side: int | None = None, limits: PictureLimits = DEFAULT_LIMITS
) -> Image.Image:
    """Return the picture in `data`: sRGB, upright by its EXIF orientation, on white, without metadata.

    Of an animation it is the first frame, of several pages the first whole one.

    With `shortest_side` a JPEG is decoded at the smallest of its own scales (1, 1/2, 1/4, 1/8) whose shorter
    side is still at least that long, which is faster; other formats come in full size.
    Raises PictureError, and nothing else, whatever the bytes are.
    """
    return open_sized(data, shortest_side=shortest_side, limits=limits).image


def open_sized(
    data: bytes, *, shortest_side: int | None = None, limits: PictureLimits = DEFAULT_LIMITS
) -> Opened:
    """Return what `open_picture` does, and the size that the whole picture has."""
    read_header(data, limits)
    return open_checked(data, shortest_side=shortest_side, limits=limits)


def open_checked(data: bytes, *, shortest_side: int | None, limits: PictureLimits) -> Opened:
    """Return what `open_sized` does, of a file that `read_header` has passed under these limits."""
    name = sniff_format(data[:HEADER_BYTES]) or ""
    with _refused(name, limits):
        return _decode(data, name, shortest_side, limits)


def with_end(data: bytes, limits: PictureLimits) -> bytes:
    """Return a JPEG's file with its end marker, which costs several decodings where it is missing, any other as it is.

    Raises PictureError as `open_checked` does.
    """
    name = sniff_format(data[:HEADER_BYTES]) or ""
    with _refused(name, limits):
        return mended(data, name, limits) if name == "jpeg" else data


@contextmanager
def _refused(name: str, limits: PictureLimits) -> Iterator[None]:
    """Turn whatever decoding raises into a PictureError."""
    try:
        yield
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_many_pixels(None, limits) from error
    except MemoryError as error:
        raise PictureError("image.memory") from error
    except Exception as error:  # decoders fed with hostile bytes raise whatever they like
        raise truncated(name) from error


def framed(opened: Opened, framing: Framing, min_side: int) -> Image.Image:
    """Return the part of a picture that counts; raises PictureError where it has too few pixels to mean anything."""
    image = turned(opened.image, framing.turn)
    box, scale = framing.box(image.size), max(opened.size) / max(image.size)
    if box is None:
        return image
    width, height = (round((box[side + 2] - box[side]) * scale) for side in (0, 1))
    if min(width, height) < min_side:
        raise PictureError("image.too_small/part", width=width, height=height, limit_side=min_side)
    return image.crop(box)


def turned(image: Image.Image, degrees: int) -> Image.Image:
    """Return the picture turned clockwise by 0, 90, 180 or 270 degrees."""
    turn = _CLOCKWISE.get(degrees)
    return image if turn is None else image.transpose(turn)


def preview_jpeg(image: Image.Image, longest_side: int) -> bytes:
    """Return the picture as a JPEG whose longer side is at most `longest_side` pixels; never enlarged."""
    target = io.BytesIO()
    shrunk(image, longest_side).save(target, "JPEG", quality=_PREVIEW_QUALITY)
    return target.getvalue()


def shrunk(image: Image.Image, longest_side: int) -> Image.Image:
    """Return a copy whose longer side is at most `longest_side` pixels; never enlarged."""
    times = max(image.size) // longest_side
    small = image.reduce(times) if times > 1 else image.copy()  # averages: a third of a filter's work
    small.thumbnail((longest_side, longest_side), Image.Resampling.BILINEAR)
    return small


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


def shortest_side_of(spec: ImageSpec) -> int:
    """Return down to which size a JPEG may be decoded for an encoder."""
    return spec.resize if spec.crop != "squash" else spec.size


def to_crop_scale(image: Image.Image, spec: ImageSpec) -> Image.Image:
    """Return the picture at the scale from which `to_pixels` cuts; training cuts at random places from the same."""
    if spec.crop == "ten":
        return _resized(image, (spec.resize, spec.resize), spec)
    if spec.crop == "squash":
        return _resized(image, (spec.size, spec.size), spec)
    middle = _middle(image)
    return _resized(middle, _crop_scale(middle.size, spec), spec)


@dataclass(frozen=True)
class _Loaded:
    """A picture in the mode that it is stored in, its whole size, how to turn it, and what its colours mean."""

    image: Image.Image
    size: tuple[int, int]
    orientation: int
    profile: bytes | None


def _decode(data: bytes, name: str, shortest_side: int | None, limits: PictureLimits) -> Opened:
    loaded = _loaded(mended(data, name, limits), data, shortest_side, limits)
    # From here on the decoder and the file are gone: they may hold three times what the picture takes.
    size, turned = loaded.size, loaded.orientation in _SIDEWAYS
    upright = _upright(to_rgb(loaded.image, loaded.profile), loaded.orientation)
    return Opened(_without_metadata(upright), size[::-1] if turned else size)


def _loaded(read: bytes, data: bytes, shortest_side: int | None, limits: PictureLimits) -> _Loaded:
    """Decode what Pillow reads of the file `data`."""
    name = sniff_format(data[:HEADER_BYTES]) or ""
    with undecoded(read, name) as source:
        check_size(source.size, limits)
        size = source.size
        if name == "jpeg" and shortest_side is not None:
            source.draft(source.mode, (shortest_side, shortest_side))
        image = _webp(source) if name == "webp" else _whole(source, limits)
        # Read after loading: PNG may store EXIF behind the picture, and Pillow turns TIFF by itself.
        return _Loaded(
            image,
            size if name == "jpeg" else source.size,
            _orientation(source, data, name, limits),
            embedded_profile(data, name, source.info, limits),
        )


def undecoded(data: bytes, name: str) -> Any:
    """Return Pillow's picture of a file in the format `name`, its header read and its pixels not."""
    if name == "heic":
        _register_heif()
    return Image.open(io.BytesIO(data), formats=[_DECODERS.get(name, name.upper())])


def _whole(source: Any, limits: PictureLimits) -> Image.Image:
    source.load()
    # A decoder may find another size than the header told (TIFF, AVIF).
    check_size(source.size, PictureLimits(max_pixels=limits.max_pixels, min_side=1))
    return _detached(source)


def _webp(source: Any) -> Image.Image:
    """Decode a WebP as its plugin does, but free the decoder, which holds two canvases, before pixels are copied."""
    frame = source._decoder.get_next()
    source._decoder = None
    if frame is None:
        raise EOFError("no frame")
    return Image.frombuffer(source.mode, source.size, frame[0], "raw", source.rawmode, 0, 1)


def _register_heif() -> None:
    """Make Pillow read HEIC; imported only when the first one arrives, since libheif costs memory."""
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)


def _detached(source: Image.Image) -> Image.Image:
    """Return the loaded picture without its decoder and file; its pixels are shared, not copied."""
    image = source._new(source.im)
    image.info = {key: value for key, value in source.info.items() if key == "transparency"}
    return image


def _orientation(source: Any, data: bytes, name: str, limits: PictureLimits) -> int:
    """Return the EXIF orientation, 1 where there is none; a broken EXIF block spoils no good picture."""
    if name == "tiff":  # turned when it was decoded
        return 1
    if name in _BOXES:
        return _orientation_beside_boxes(source, data, name, limits)
    info = source.info
    exif = info.get("exif") or from_hex(str(info.get("Raw profile type exif") or ""))
    found = from_exif(exif) if isinstance(exif, bytes) else None
    if found is None:
        xmp = info.get("XML:com.adobe.xmp") or info.get("xmp") or b""
        found = from_xmp(xmp.encode() if isinstance(xmp, str) else xmp)
    return found or 1


def _orientation_beside_boxes(source: Any, data: bytes, name: str, limits: PictureLimits) -> int:
    """Return how HEIC and AVIF are to be turned: by the container, and by EXIF only where the container does not say.

    libheif turns by the container itself; of AVIF, Pillow puts what the container says into the EXIF.
    """
    try:
        if read_items(data, PartCount(name, limits.max_parts)).of_picture(_TURNS):
            return 1 if name == "heic" else from_exif(source.info.get("exif", b"")) or 1
        return exif_orientation(data, limits, name) or 1
    except (PictureError, *UNREADABLE):
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _without_metadata(image: Image.Image) -> Image.Image:
    image.info = {}
    return image


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
