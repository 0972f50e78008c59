"""Small valid pictures of every format and variant, from which the fuzzed ones are made."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 24, 16


@cache
def picture(mode: str = "RGB", number: int = 0) -> Image.Image:
    """A small noisy picture."""
    noise = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    return Image.fromarray(noise, "RGBA").convert(mode)


def _saved(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    target = io.BytesIO()
    picture(mode).save(target, kind, **options)
    return target.getvalue()


def _frames(kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    picture().save(target, kind, save_all=True, append_images=[picture(number=1)], **options)
    return target.getvalue()


def _heic() -> bytes:
    import pillow_heif

    target = io.BytesIO()
    pillow_heif.from_pillow(picture()).save(target, quality=50)
    return target.getvalue()


def _interlaced_png() -> bytes:
    """Adam7, which Pillow reads and does not write: seven passes of a grey picture."""
    pixels = np.asarray(picture("L"))
    passes = (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    )
    rows = [
        b"\x00" + row.tobytes()
        for top, left, down, across in passes
        for row in pixels[top::down, left::across]
    ]
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 1)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    body = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "described"
    return exif.tobytes()


@cache
def seeds() -> dict[str, bytes]:
    """The pictures by the name of format and variant."""
    return {
        "jpeg": _saved("JPEG"),
        "jpeg progressive": _saved("JPEG", progressive=True),
        "jpeg grey": _saved("JPEG", "L", optimize=True),
        "jpeg cmyk": _saved("JPEG", "CMYK"),
        "jpeg exif": _saved("JPEG", exif=_exif(), comment=b"said"),
        "png": _saved("PNG"),
        "png alpha": _saved("PNG", "RGBA", exif=_exif()),
        "png palette": _saved("PNG", "P", transparency=0),
        "png one bit": _saved("PNG", "1"),
        "png 16 bits": _saved("PNG", "I;16"),
        "png interlaced": _interlaced_png(),
        "png animated": _frames("PNG"),
        "webp": _saved("WEBP"),
        "webp lossless": _saved("WEBP", lossless=True),
        "webp alpha": _saved("WEBP", "RGBA", exif=_exif()),
        "webp animated": _frames("WEBP"),
        "avif": _saved("AVIF", speed=10),
        "avif alpha": _saved("AVIF", "RGBA", speed=10),
        "avif animated": _frames("AVIF", speed=10),
        "heic": _heic(),
        "bmp": _saved("BMP"),
        "bmp palette": _saved("BMP", "P"),
        "bmp one bit": _saved("BMP", "1"),
        "tiff": _saved("TIFF"),
        "tiff lzw": _saved("TIFF", compression="tiff_lzw"),
        "tiff deflate": _saved("TIFF", compression="tiff_adobe_deflate"),
        "tiff jpeg": _saved("TIFF", compression="jpeg"),
        "tiff fax": _saved("TIFF", "1", compression="group4"),
        "tiff packbits": _saved("TIFF", "P", compression="packbits"),
        "tiff pages": _frames("TIFF"),
        "gif": _saved("GIF"),
        "gif transparent": _saved("GIF", "P", transparency=3, comment=b"said"),
        "gif animated": _frames("GIF"),
    }


def seed(name: str) -> bytes:
    """One of the pictures."""
    return seeds()[name]
