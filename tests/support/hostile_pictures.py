"""Files of few bytes that would take long to decode, and files that say more of their owner than they should."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encoded(image, name, **options):
    target = io.BytesIO()
    image.save(target, name, **options)
    return target.getvalue()


def small(mode="RGB", size=(64, 48)):
    return Image.new(mode, size, "red" if mode == "RGB" else 0)


def segment(marker, body=b""):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_scans(count, side):
    """A progressive JPEG of `count` refinement scans, 86 bytes each: every scan visits every pixel."""
    blocks = ((side + 7) // 8) ** 2
    frame = struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00"
    head = b"\xff\xd8" + segment(0xDB, b"\0" + bytes([1] * 64)) + segment(0xC2, frame)
    head += segment(0xC4, b"\x00" + bytes([1] + [0] * 15) + b"\x00")  # DC: category 0 is the bit 0
    head += segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\xe0")  # AC: a run of blocks without change
    head += segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + bytes((blocks + 7) // 8)
    scan = segment(0xDA, b"\x01\x01\x00\x01\x3f\x10") + _stuffed(_runs(blocks))
    return head + scan * count + b"\xff\xd9"


def _runs(blocks):
    bits = ""
    while blocks > 0:
        run = max(min(blocks, 32767), 16384)
        bits += "0" + format(run - 16384, "014b")
        blocks -= run
    return bits


def _stuffed(bits):
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


def jpeg_segments(count, image=None):
    data = encoded(image or small(), "JPEG")
    return data[:2] + segment(0xFE) * count + data[2:]


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*extra, size=(64, 48), idats=None):
    width, height = size
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    parts = [chunk(b"IDAT", part) for part in (idats or [zlib.compress(bytes(height * (1 + 3 * width)))])]
    return PNG_SIGNATURE + head + b"".join(extra) + b"".join(parts) + chunk(b"IEND")


def png_empty_idats(count):
    return png(idats=[b""] * count + [zlib.compress(bytes(48 * (1 + 3 * 64)))])


def png_profiles(count):
    return png(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000), 9)) * count)


def gif_comments(count, sub_blocks=1):
    data = encoded(small("P"), "GIF")
    at = data.index(b"\x2c")
    return data[:at] + (b"\x21\xfe" + b"\x01a" * sub_blocks + b"\x00") * count + data[at:]


def webp_chunks(count):
    body = encoded(small(), "WEBP", lossless=True, exif=Image.Exif().tobytes())[12:] + b"abcd\0\0\0\0" * count
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def bmp_run_lengths(size):
    header = struct.pack("<IiiHHIIiiII", 40, 3000, 3000, 1, 8, 1, size, 0, 0, 256, 0)
    return (
        b"BM"
        + struct.pack("<IHHI", 1078 + size, 0, 0, 1078)
        + header
        + bytes(1024)
        + b"\x01\x01" * (size // 2)
    )


def tiff(entries, data=b""):
    """A TIFF of these (tag, type, count, value bytes); `data` lies at its end."""
    start = 8 + 2 + 12 * len(entries) + 4
    directory, values = struct.pack("<H", len(entries)), b""
    for tag, kind, count, value in sorted(entries):
        place = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", start + len(values))
        values += value if len(value) > 4 else b""
        directory += struct.pack("<HHI", tag, kind, count) + place
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + values + data


def longs(*values):
    return struct.pack(f"<{len(values)}I", *values)


def tiff_strips(count, *, compression=1, strip=bytes(64), width=64, rows=1):
    """A TIFF of `count` strips that all name the same bytes."""
    entries = [
        (256, 4, 1, longs(width)),
        (257, 4, 1, longs(count * rows)),
        (258, 3, 1, b"\x08\0"),
        (259, 3, 1, struct.pack("<H", compression)),
        (262, 3, 1, b"\x01\0"),
        (277, 3, 1, b"\x01\0"),
        (278, 4, 1, longs(rows)),
    ]
    places = [(273, 4, count, bytes(4 * count)), (279, 4, count, bytes(4 * count))]
    at = len(tiff(entries + places))
    places = [
        (273, 4, count, np.full(count, at, "<u4").tobytes()),
        (279, 4, count, np.full(count, len(strip), "<u4").tobytes()),
    ]
    return tiff(entries + places, strip)


def box(kind, *content):
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def full_box(kind, version, *content):
    return box(kind, bytes([version, 0, 0, 0]), *content)


def heic(items, references, *, size=(4096, 4096), tile=(512, 512), brand=b"heic"):
    """An ISO media file of items {number: kind}, the first one the picture, and `dimg` references {from: [to …]}."""
    infos = [full_box(b"infe", 2, struct.pack(">HH", n, 0), kind, b"\0") for n, kind in items.items()]
    named = [box(b"dimg", struct.pack(f">HH{len(to)}H", n, len(to), *to)) for n, to in references.items()]
    extents = [full_box(b"ispe", 0, struct.pack(">II", *extent)) for extent in (size, tile)]
    links = [struct.pack(">HBB", n, 1, 1 if n == min(items) else 2) for n in items]
    meta = full_box(
        b"meta",
        0,
        full_box(b"pitm", 0, struct.pack(">H", min(items))),
        full_box(b"iinf", 0, struct.pack(">H", len(items)), *infos),
        full_box(b"iref", 0, *named),
        box(b"iprp", box(b"ipco", *extents), full_box(b"ipma", 0, struct.pack(">I", len(links)), *links)),
    )
    return box(b"ftyp", brand, bytes(4), b"mif1", brand) + meta
