"""Files that are not quite as they should be, but hold every pixel, to what decoders read.

Whether a JPEG without its end marker holds every pixel only its decoder knows: what is missing it makes up from the
bytes that follow. So it is decoded with different bytes behind it; where nothing is missing, nothing changes.
"""

from __future__ import annotations

import hashlib
import io
from itertools import islice
from typing import TYPE_CHECKING

from PIL import Image

from workers.inference.colours import strips
from workers.inference.headers import jpeg, png, tiff, webp
from workers.inference.headers.reading import truncated

if TYPE_CHECKING:
    from workers.inference.headers.types import PictureLimits

_END = b"\xff\xd9"


def _restarts(first: int) -> bytes:
    """Return restart markers with bits between them: the decoder looks for these where an interval is missing."""
    return b"".join(b"\xff" + bytes([0xD0 + n % 8]) + b"\x2a" * 16 for n in range(first, first + 16))


_FOLLOWING = (b"\xaa" * 512, b"\x55" * 512, _restarts(0), _restarts(4))
"""What `jpeg.UNENDED_DECODINGS` counts, beside the decoding of what is used then."""


def mended(data: bytes, name: str, limits: PictureLimits) -> bytes:
    """Return what Pillow reads of a picture's file; raises PictureError `image.truncated`.

    A JPEG gets its end marker, a WebP the right length, a TIFF's first whole page comes first, and a PNG goes without
    its profile, which `embedded` reads: Pillow gives the picture up for a broken one.
    """
    if name == "jpeg":
        return data if jpeg.is_ended(data, limits) else _ended(data, limits)
    if name == "png":
        return png.without(data, b"iCCP", limits)
    if name == "webp":
        return webp.mended(data, limits)
    if name == "tiff":
        return tiff.with_first(data, next(islice(tiff.pages(data, limits), 1)))
    return data


def _ended(data: bytes, limits: PictureLimits) -> bytes:
    whole = data.rstrip(b"\xff")  # half of the end marker
    if not jpeg.has_all_scans(data, limits):
        raise truncated("jpeg")
    found = (_decoded(whole + more) for more in _FOLLOWING)  # one at a time: files are large
    wanted = next(found)
    if any(other != wanted for other in found):  # the first that differs ends it
        raise truncated("jpeg")
    return whole + _END


def _decoded(data: bytes) -> bytes:
    """Return what stands for the pixels of a JPEG that lacks its end marker."""
    with Image.open(io.BytesIO(data + _END), formats=["JPEG"]) as image:
        image.load()
        digest = hashlib.blake2b()
        for _, strip in strips(image):
            digest.update(strip.tobytes())
        return digest.digest()
