"""HEIC and AVIF as phones write them: a picture put together from tiles. No library here writes such files."""

from __future__ import annotations

import struct

from PIL import Image

from tests.support.hostile_pictures import box, encoded, full_box
from workers.inference.headers.boxes import boxes, meta_boxes
from workers.inference.headers.extents import located
from workers.inference.headers.types import PartCount

ANY = 10**6


def grid(name: str, *, columns: int, rows: int, tile: int) -> bytes:
    """A file of `columns` × `rows` tiles that all show the same noise, with a secret beside them."""
    coded, properties = _coded(name, tile)
    kind, brand = (b"hvc1", b"heic") if name == "HEIF" else (b"av01", b"avif")
    tiles = list(range(2, 2 + columns * rows))
    plan = bytes([0, 1, rows - 1, columns - 1]) + struct.pack(">II", columns * tile, rows * tile)
    secret = b"<x:xmpmeta>SECRETPLACE</x:xmpmeta>"
    kinds = {1: b"grid", **dict.fromkeys(tiles, kind)}
    infos = [full_box(b"infe", 2, struct.pack(">HH", n, 0), what, b"\0") for n, what in kinds.items()]
    note = tiles[-1] + 1
    infos.append(full_box(b"infe", 2, struct.pack(">HH", note, 0), b"mime", b"\0application/rdf+xml\0"))
    size = full_box(b"ispe", 0, struct.pack(">II", columns * tile, rows * tile))
    links = [struct.pack(">HBB", 1, 1, len(properties) + 1)]
    links += [struct.pack(">HB", n, len(properties)) + _numbers(properties) for n in tiles]
    head = box(b"ftyp", brand, bytes(4), b"mif1", brand)

    def meta(start: int) -> bytes:
        places = {1: (start, len(plan)), **dict.fromkeys(tiles, (start + len(plan), len(coded)))}
        places[note] = (start + len(plan) + len(coded), len(secret))
        extents = [struct.pack(">HHHHII", n, 0, 0, 1, *place) for n, place in places.items()]
        return full_box(
            b"meta",
            0,
            full_box(b"hdlr", 0, bytes(4), b"pict", bytes(12), b"\0"),
            full_box(b"pitm", 0, struct.pack(">H", 1)),
            full_box(b"iinf", 0, struct.pack(">H", len(infos)), *infos),
            full_box(b"iref", 0, box(b"dimg", struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *tiles))),
            box(
                b"iprp",
                box(b"ipco", *properties, size),
                full_box(b"ipma", 0, struct.pack(">I", len(links)), *links),
            ),
            full_box(b"iloc", 1, b"\x44\x00", struct.pack(">H", len(extents)), *extents),
        )

    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", plan, coded, secret)


def _coded(name: str, tile: int) -> tuple[bytes, list[bytes]]:
    """The coded bytes of one tile, and the properties that a decoder needs of it."""
    data = encoded(Image.effect_noise((tile, tile), 40).convert("RGB"), name, quality=60)
    inner = {one.kind: one for one in meta_boxes(data, PartCount("x", ANY))}
    (first, *_) = located(data, inner, PartCount("x", ANY), "x")
    store = next(one for one in boxes(data, inner[b"iprp"].content, len(data), PartCount("x", ANY)))
    found: dict[bytes, bytes] = {}
    for one in boxes(data, store.content, store.end, PartCount("x", ANY)):
        if one.kind in (b"hvcC", b"av1C", b"ispe", b"pixi", b"colr"):
            found.setdefault(one.kind, data[one.start : one.end])
    return b"".join(data[start : start + size] for start, size in first.extents), list(found.values())


def _numbers(properties: list[bytes]) -> bytes:
    """Their places, counted from 1; what a decoder must understand is marked."""
    return bytes(
        number | (0x80 if one[4:8] in (b"hvcC", b"av1C") else 0)
        for number, one in enumerate(properties, start=1)
    )
