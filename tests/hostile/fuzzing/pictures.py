"""Pictures whose parts are reordered, repeated, resized and lied about, decoded in a process that may die."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.hostile.fuzzing.decoding import DECODER
from tests.hostile.fuzzing.kinds import Input, Kind, Outcome
from tests.hostile.fuzzing.seeds import seeds
from tests.hostile.fuzzing.values import INTERESTING, byte_changes, scrambled

if TYPE_CHECKING:
    from collections.abc import Callable

Parts = list[tuple[bytes, bytes]]
"""(tag, payload): segments, chunks, boxes or blocks."""

SIZES = (0, 1, 2, 7, 8, 9, 24, 255, 1000, 1413, 5000, 16383, 32767, 65535)
_CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"moov": 0, b"trak": 0, b"iref": 4}
"""ISO media boxes that hold boxes, and how many bytes stand before these."""


def split_jpeg(data: bytes) -> Parts:
    parts: Parts = [(b"\xff\xd8", b"")]
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xD9:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xDA:
            while end < len(data) - 1 and not (
                data[end] == 0xFF and data[end + 1] not in (0, *range(0xD0, 0xD8))
            ):
                end += 1
        parts.append((data[at : at + 2], data[at + 4 : end]))
        at = end
    return [*parts, (b"\xff\xd9", b"")]


def join_jpeg(parts: Parts, lies: dict[int, int]) -> bytes:
    found = []
    for number, (tag, payload) in enumerate(parts):
        alone = tag in (b"\xff\xd8", b"\xff\xd9")
        length = _length_of_segment(tag, payload) + lies.get(number, 0)
        found.append(tag + (b"" if alone else struct.pack(">H", length & 0xFFFF) + payload))
    return b"".join(found)


def _length_of_segment(tag: bytes, payload: bytes) -> int:
    """A scan's length counts its header only: 1 + 2 a component + 3."""
    return (payload[0] * 2 + 6 if payload else 2) if tag == b"\xff\xda" else len(payload) + 2


def split_png(data: bytes) -> Parts:
    parts: Parts = []
    at = 8
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        parts.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return parts


def join_png(parts: Parts, lies: dict[int, int]) -> bytes:
    found = [b"\x89PNG\r\n\x1a\n"]
    for number, (tag, payload) in enumerate(parts):
        length = struct.pack(">I", (len(payload) + lies.get(number, 0)) & 0xFFFFFFFF)
        found.append(length + tag + payload + struct.pack(">I", zlib.crc32(tag + payload)))
    return b"".join(found)


def split_webp(data: bytes) -> Parts:
    parts: Parts = []
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        parts.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return parts


def join_webp(parts: Parts, lies: dict[int, int]) -> bytes:
    body = b"WEBP"
    for number, (tag, payload) in enumerate(parts):
        length = (len(payload) + lies.get(number, 0)) & 0xFFFFFFFF
        body += tag + struct.pack("<I", length) + payload + b"\x00" * (len(payload) % 2)
    return b"RIFF" + struct.pack("<I", (len(body) + lies.get(-1, 0)) & 0xFFFFFFFF) + body


def split_boxes(data: bytes) -> Parts:
    """Boxes in depth first order; a container's payload is what stands before its boxes, a `)` closes it."""
    parts: Parts = []
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big") or len(data) - at
        tag, payload = data[at + 4 : at + 8], data[at + 8 : at + size]
        if tag in _CONTAINERS:
            before = _CONTAINERS[tag]
            parts += [(tag, payload[:before]), *split_boxes(payload[before:]), (b")", b"")]
        else:
            parts.append((tag, payload))
        at += max(size, 8)
    return parts


def join_boxes(parts: Parts, lies: dict[int, int]) -> bytes:
    open_boxes: list[tuple[bytes, bytearray, int]] = [(b"", bytearray(), 0)]

    def close() -> None:
        tag, payload, lie = open_boxes.pop()
        open_boxes[-1][1].extend(struct.pack(">I", (len(payload) + 8 + lie) & 0xFFFFFFFF) + tag + payload)

    for number, (tag, payload) in enumerate(parts):
        if tag != b")":
            open_boxes.append((tag, bytearray(payload), lies.get(number, 0)))
        if (tag == b")" or tag not in _CONTAINERS) and len(open_boxes) > 1:
            close()
    while len(open_boxes) > 1:
        close()
    return bytes(open_boxes[0][1])


def split_words(data: bytes) -> Parts:
    """BMP, TIFF and GIF: short pieces, since their parts are found by offsets and not by tags."""
    return [(data[at : at + 2], data[at + 2 : at + 12]) for at in range(0, len(data), 12)]


def join_words(parts: Parts, lies: dict[int, int]) -> bytes:
    return b"".join(tag + payload for tag, payload in parts)


_SHAPES: dict[str, tuple[Callable[[bytes], Parts], Callable[[Parts, dict[int, int]], bytes]]] = {
    "jpeg": (split_jpeg, join_jpeg),
    "png": (split_png, join_png),
    "webp": (split_webp, join_webp),
    "avif": (split_boxes, join_boxes),
    "heic": (split_boxes, join_boxes),
}
_DIMENSIONS = {
    (b"\xff\xc0", ">HH", 1), (b"\xff\xc2", ">HH", 1), (b"IHDR", ">II", 0), (b"ispe", ">II", 4), (b"acTL", ">II", 0),
    (b"VP8 ", "<HH", 6), (b"VP8X", "<HH", 4), (b"ANMF", "<HH", 6), (b"VP8L", "<HH", 1), (b"tkhd", ">II", 76),
}  # fmt: skip
"""Where width and height stand in a payload."""


def resized(parts: Parts, width: int, height: int) -> Parts:
    """The parts with other numbers where the picture's size stands."""
    found = list(parts)
    for number, (tag, payload) in enumerate(parts):
        for known, form, at in _DIMENSIONS:
            if tag == known and len(payload) >= at + struct.calcsize(form):
                changed = struct.pack(form, width, height)
                found[number] = (tag, payload[:at] + changed + payload[at + len(changed) :])
    return found


def words_resized(data: bytes, kind: str, width: int, height: int) -> bytes:
    """The same for the formats without tags."""
    at, form = {"bmp": (18, "<II"), "gif": (6, "<HH")}.get(kind, (0, ""))
    if form:
        return data[:at] + struct.pack(form, width, height) + data[at + struct.calcsize(form) :]
    start = int.from_bytes(data[4:8], "little")
    found = bytearray(data)
    for entry in range(start + 2, min(start + 2 + 12 * 20, len(data) - 12), 12):
        tag = int.from_bytes(data[entry : entry + 2], "little")
        if tag in (256, 257):
            found[entry + 8 : entry + 12] = struct.pack("<I", width if tag == 256 else height)
    return bytes(found)


part_changes = st.lists(
    st.tuples(
        st.sampled_from(("swap", "drop", "twice", "often", "payload", "length", "move", "resize", "tag")),
        st.integers(0, 40),
        st.integers(0, 40),
        st.sampled_from((-8, -2, -1, 1, 2, 8, 1000, *INTERESTING)),
        byte_changes,
    ),
    max_size=3,
)
OFTEN = 150


def with_changes(parts: Parts, changes: list[tuple[str, int, int, int, list]], lies: dict[int, int]) -> Parts:
    """The parts after the changes; `lies` gets what lengths are wrong by."""
    found = list(parts)
    for name, one, other, value, bytes_changes in changes:
        if not found:
            break
        at, to = one % len(found), other % len(found)
        if name == "length":
            lies[at] = value
        elif name == "payload":
            found[at] = (found[at][0], scrambled(found[at][1], bytes_changes))
        elif name == "resize":
            found = resized(found, SIZES[one % len(SIZES)], SIZES[other % len(SIZES)])
        else:
            _arrange(found, name, at, to)
    return found


def _arrange(parts: Parts, name: str, at: int, to: int) -> None:
    if name == "swap":
        parts[at], parts[to] = parts[to], parts[at]
    elif name == "move":
        parts.insert(to, parts.pop(at))
    elif name == "drop":
        del parts[at]
    elif name == "tag":
        parts[at] = (parts[to][0], parts[at][1])
    else:
        parts[at:at] = [parts[at]] * (1 if name == "twice" else OFTEN)


@st.composite
def picture_inputs(draw: st.DrawFn) -> Input:
    name = draw(st.sampled_from(sorted(seeds())))
    kind = name.partition(" ")[0]
    split, join = _SHAPES.get(kind, (split_words, join_words))
    data, lies = seeds()[name], dict[int, int]()
    if kind in ("bmp", "gif", "tiff") and draw(st.booleans()):
        data = words_resized(data, kind, draw(st.sampled_from(SIZES)), draw(st.sampled_from(SIZES)))
    else:
        parts = with_changes(split(data), draw(part_changes), lies)
        data = join(parts, lies)
    data = scrambled(data, draw(byte_changes) if draw(st.integers(0, 2)) == 0 else [])
    return Input(name, data, {"shortest_side": draw(st.sampled_from((None, 8, 224)))})


def try_picture(given: Input) -> Outcome:
    """Decode it in the child; a child that dies or hangs is a problem."""
    return DECODER.try_out(given)


PICTURES = Kind("pictures", picture_inputs(), try_picture)
