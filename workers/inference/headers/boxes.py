"""HEIC and AVIF: the boxes of an ISO media file, and the coded pictures that one picture is put together from.

ISO/IEC 14496-12 (boxes, items) and 23008-12 (image items). A grid may name tens of thousands of tiles, and derived
pictures may name derived pictures, so that a few bytes ask for exponentially many decodings: both are counted here.
"""

from __future__ import annotations

import math
import struct
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workers.inference.headers.types import Header, PartCount, PictureLimits, first_frame, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODED = (b"hvc1", b"av01")
_TILES_PER_PART = 0.05
"""A tile costs a decoder of its own: 1,000 of them where 20,000 parts are allowed; phones have about 50."""
_DECODED_PER_PIXEL = 3
"""A picture, its transparency, and tiles that reach over the edge."""
_BYTES_PER_PIXEL = 20
_PIXEL_NANOSECONDS = {"heic": 40, "avif": 25}
"""With more than 8 bits and transparency; most take half of it."""


@dataclass(frozen=True)
class Box:
    """A box: its content begins behind the header, `end` is where the next box begins."""

    kind: bytes
    start: int
    content: int
    end: int


def boxes(data: bytes, start: int, end: int, parts: PartCount) -> Iterator[Box]:
    """Yield the boxes that lie between two offsets."""
    at = start
    while at + 8 <= end:
        parts.add()
        size, kind, content = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, content = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        following = end if size == 0 else at + size
        if following < content or following > end:
            raise ValueError(f"the box {kind!r} does not fit")
        yield Box(kind, at, content, following)
        at = following


def top_boxes(data: bytes, parts: PartCount) -> Iterator[Box]:
    """Yield the file's outermost boxes; what follows them and is no box is not the picture's."""
    try:
        yield from boxes(data, 0, len(data), parts)
    except ValueError:
        return


@dataclass
class Items:
    """What the `meta` box says: which item is the picture, of which kind and size items are, and who names whom."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)
    made_of: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    belong_to: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Auxiliary pictures, such as transparency, by the picture that they belong to."""
    properties: dict[int, list[Box]] = field(default_factory=lambda: defaultdict(list))

    def of_picture(self, kinds: tuple[bytes, ...]) -> list[Box]:
        """Return the picture's properties of these kinds; those of its first tile where it has none of its own."""
        for item in (self.primary, *self.made_of[self.primary][:1]):
            if found := [box for box in self.properties[item] if box.kind in kinds]:
                return found
        return []


def read(data: bytes, limits: PictureLimits, name: str) -> Header:
    """Return the picture's size; raises PictureError `image.too_complex`, `image.unsupported`, ValueError."""
    parts = PartCount(name, limits.max_parts)
    kinds = {box.kind for box in top_boxes(data, parts)}
    if b"moov" in kinds and b"meta" not in kinds:
        raise unsupported(name, "a film without a still picture")
    items = read_items(data, parts)
    width, height = items.sizes[items.primary]
    cost = _Cost(items, name, limits)
    for item in (items.primary, *items.belong_to[items.primary]):
        cost.add(item, ())
    frames = 2 if b"moov" in kinds else 1
    warnings = first_frame(name, frames)
    return Header(
        width, height, _BYTES_PER_PIXEL, pixel_nanoseconds=_PIXEL_NANOSECONDS[name], warnings=warnings
    )


class _Cost:
    """Walks from a picture to the coded ones that it is made of, counting each time that one is decoded."""

    def __init__(self, items: Items, name: str, limits: PictureLimits) -> None:
        self._items, self._name = items, name
        self._tiles = PartCount(name, max(1, int(limits.max_parts * _TILES_PER_PART)), "tiles")
        self._pixels = PartCount(name, limits.max_pixels * _DECODED_PER_PIXEL, "pixels in its tiles")

    def add(self, item: int, above: tuple[int, ...]) -> None:
        """Count one item with all that it is made of; `above` are the items that led to it."""
        kind = self._items.kinds.get(item, b"")
        if kind in _CODED:
            self._tiles.add()
            width, height = self._items.sizes.get(item, (0, 0))
            self._pixels.add(width * height)
        elif kind == b"grid" and not above:
            for part in self._items.made_of[item]:
                self.add(part, (*above, item))
        else:
            raise unsupported(self._name, f"picture item “{kind.decode('latin-1')}”")


def meta_boxes(data: bytes, parts: PartCount) -> list[Box]:
    """Return the boxes inside the file's `meta` box; raises ValueError without one."""
    for box in top_boxes(data, parts):
        if box.kind == b"meta":
            return list(boxes(data, box.content + 4, box.end, parts))
    raise ValueError("no meta box")


def read_items(data: bytes, parts: PartCount) -> Items:
    """Read the items that matter for decoding; raises ValueError or struct.error for what makes no sense."""
    items = Items()
    for box in meta_boxes(data, parts):
        if box.kind == b"pitm":
            items.primary = number(data, box.content + 4, 4 if data[box.content] else 2)
        elif box.kind == b"iinf":
            items.kinds = {item: kind for item, kind, _ in item_infos(data, box, parts)}
        elif box.kind == b"iref":
            _read_references(data, box, items, parts)
        elif box.kind == b"iprp":
            _read_properties(data, box, items, parts)
    return items


def item_infos(data: bytes, iinf: Box, parts: PartCount) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield each item's number, its kind, and for the kind `mime` its content type."""
    skip = 8 if data[iinf.content] else 6
    for box in boxes(data, iinf.content + skip, iinf.end, parts):
        version = data[box.content]
        if box.kind != b"infe" or version < 2:
            continue
        wide = 4 if version > 2 else 2
        at = box.content + 4 + wide + 2
        words = data[at + 4 : box.end].split(b"\0")
        yield number(data, box.content + 4, wide), data[at : at + 4], words[1] if len(words) > 1 else b""


def _read_references(data: bytes, iref: Box, items: Items, parts: PartCount) -> None:
    wide = 4 if data[iref.content] else 2
    for box in boxes(data, iref.content + 4, iref.end, parts):
        source, count = number(data, box.content, wide), number(data, box.content + wide, 2)
        parts.add(count)
        first = box.content + wide + 2
        targets = [number(data, first + wide * n, wide) for n in range(count)]
        if box.kind == b"dimg":
            items.made_of[source] += targets
        elif box.kind == b"auxl":
            for target in targets:
                items.belong_to[target].append(source)


def _read_properties(data: bytes, iprp: Box, items: Items, parts: PartCount) -> None:
    found = list[Box]()
    for box in boxes(data, iprp.content, iprp.end, parts):
        if box.kind == b"ipco":
            found += boxes(data, box.content, box.end, parts)
        elif box.kind == b"ipma":
            for item, places in _associations(data, box, parts):
                named = [found[place - 1] for place in places if 1 <= place <= len(found)]
                items.properties[item] += named
                sizes = [_extent(data, one) for one in named if one.kind == b"ispe"]
                items.sizes[item] = max([items.sizes.get(item, (0, 0)), *sizes], key=math.prod)


def _extent(data: bytes, box: Box) -> tuple[int, int]:
    return number(data, box.content + 4, 4), number(data, box.content + 8, 4)


def _associations(data: bytes, ipma: Box, parts: PartCount) -> Iterator[tuple[int, list[int]]]:
    wide, long = (4 if data[ipma.content] else 2), data[ipma.content + 3] & 1
    count, at = number(data, ipma.content + 4, 4), ipma.content + 8
    for _ in range(count):
        item, named = number(data, at, wide), number(data, at + wide, 1)
        parts.add(1 + named)
        at += wide + 1
        if long:
            yield item, [number(data, at + 2 * n, 2) & 0x7FFF for n in range(named)]
        else:
            yield item, [number(data, at + n, 1) & 0x7F for n in range(named)]
        at += named * (2 if long else 1)


def number(data: bytes, at: int, size: int) -> int:
    """Return the big-endian number of `size` bytes at an offset; raises struct.error behind the end."""
    if at + size > len(data):
        raise struct.error("the file ends early")
    return int.from_bytes(data[at : at + size], "big")
