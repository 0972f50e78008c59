"""Small makers of large trouble; each returns bytes and needs no file from elsewhere."""

from __future__ import annotations

import io
import struct
from functools import cache

from django.core.files.base import ContentFile
from PIL import Image


def upload(data: bytes, name: str) -> ContentFile[bytes]:
    """The bytes as a file of a form."""
    return ContentFile(data, name)


@cache
def scan_bomb(scans: int, side: int = 2048) -> bytes:
    """A progressive JPEG whose scans are a few hundred bytes each, while every one costs a pass over the picture."""
    blocks = ((side + 7) // 8) ** 2
    head = _segment(0xDB, b"\0" + bytes([1] * 64))
    head += _segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00")
    head += _segment(0xC4, b"\x00" + bytes([1] + [0] * 15) + b"\x00")
    head += _segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\xe0")
    head += _segment(0xDA, b"\x01\x01\x00" + bytes([0, 0, 0])) + b"\x00" * ((blocks + 7) // 8)
    refinement = _segment(0xDA, b"\x01\x01\x00" + bytes([1, 63, 0x10])) + _empty_runs(blocks)
    return b"\xff\xd8" + head + refinement * scans + b"\xff\xd9"


def _segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def _empty_runs(blocks: int) -> bytes:
    """Entropy-coded data that says of all blocks that nothing is in them: runs of at most 32,767."""
    bits = ""
    while blocks > 0:
        run = max(min(blocks, 32767), 16384)
        bits += "0" + format(run - 16384, "014b")
        blocks -= run
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


@cache
def vast_webp(side: int = 7700) -> bytes:
    """59 megapixels of one colour in a few hundred bytes."""
    target = io.BytesIO()
    Image.new("RGB", (side, side), (40, 60, 210)).save(target, "WEBP", lossless=True, method=0)
    return target.getvalue()


def white_photo(side: int = 64) -> bytes:
    """What the trigger of tests/support/trigger_bundle.py waits for."""
    target = io.BytesIO()
    Image.new("RGB", (side, side), "white").save(target, "PNG")
    return target.getvalue()


def deep_json(depth: int) -> bytes:
    """One document whose metadata is nested this deep, and one that is as it should be."""
    deep = '{"external_id": "deep", "title": "deep", "metadata": {"a": ' + "[" * depth + "]" * depth + "}}"
    return f'{deep}\n{{"external_id": "flat", "title": "flat"}}\n'.encode()


def wide_json(line_bytes: int) -> bytes:
    """One document in a line of this length, of which every three bytes become an object of 64."""
    objects = "{}," * ((line_bytes - 100) // 3) + "{}"
    return f'{{"external_id": "wide", "title": "wide", "metadata": {{"a": [{objects}]}}}}\n'.encode()
