"""All lines of a page, whichever side it lies on and however it is skewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workers.inference.ocr.barcodes import barcodes
from workers.inference.ocr.lie import lie_of
from workers.inference.ocr.lines import fractions_of, strip_of, upside_down
from workers.inference.ocr.page_detection import PageDetector
from workers.inference.ocr.page_figures import figures_on, straightened
from workers.inference.ocr.recognition import PAGE_SHAPES, Recogniser
from workers.inference.ocr.types import PAGE_LINES_MAX, LinesOfPage, TextRead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from workers.inference.ocr.detection import Corners, Pixels
    from workers.inference.ocr.lie import Lie, Point
    from workers.inference.ocr.lines import Line
    from workers.inference.ocr.types import Script

VOTERS = 9
"""How many of the longest lines are read both ways, to learn which way up the page lies."""
CONFIDENCE_MIN = 0.5
HIGHEST = 0.2
"""A region that is higher, as a share of the page's longer side, is the page itself or what lies around it."""
BLOT_LETTERS_MAX, BLOT_HEIGHT_MIN = 2, 2.5
LINE_RATIO = 2.0
"""Only regions that are so much longer than high tell which way lines run, and at which angle."""


class PageNetworks:
    """Finds and reads the lines of pages; loaded and warmed when it is made."""

    def __init__(self, threads: int, script: Script) -> None:
        self._find = PageDetector(threads)
        self._read = Recogniser(threads, PAGE_SHAPES, script, streams=threads)
        self._find.warm()
        self._read.warm()

    def __call__(self, picture: Pixels) -> LinesOfPage:
        """Return the lines of an RGB picture (height, width, 3), and what its codes say."""
        codes = barcodes(picture)
        highest = HIGHEST * max(picture.shape)
        found = [
            box
            for box in self._find(picture)
            if _sides(box)[1] <= highest and not _in_a_code(box, picture, codes)
        ]
        boxes = sorted(found, key=_length, reverse=True)[:PAGE_LINES_MAX]
        turned, known = self._turned(picture, boxes)
        upright, places = _turn(picture, turned), [_turn_corners(box, picture, turned) for box in boxes]
        lie = _lie(places, upright)
        read = self._lines(upright, places, lie, known)
        blots = _blots(read)
        hidden = [_turn_corners(_corners(code, picture), picture, turned) for code in codes]
        hidden += [place for place, line in zip(places, read, strict=True) if not line]
        texts = [place for place, line in zip(places, read, strict=True) if line and line not in blots]
        figures = figures_on(
            straightened(upright, lie.level),
            [fractions_of(_straight(place, lie.level, upright), upright) for place in texts],
            [fractions_of(_straight(place, lie.level, upright), upright) for place in hidden],
        )
        lines = tuple(line for line in read if line and not (figures and line in blots))
        return LinesOfPage(lines, tuple(codes), turned, lie, figures)

    def _lines(
        self, upright: Pixels, places: Sequence[Corners], lie: Lie, known: Mapping[int, Line]
    ) -> list[TextRead | None]:
        """Return what stands at each place; None where nothing can be read. `known`: what was read already."""
        others = (strip_of(upright, place) for at, place in enumerate(places) if at not in known)
        rest = self._read.each(others)
        read = (known[at] if at in known else next(rest) for at in range(len(places)))
        return [
            TextRead(
                text, fractions_of(_straight(place, lie, upright), upright), "line", round(confidence, 3)
            )
            if text and confidence >= CONFIDENCE_MIN
            else None
            for place, (text, confidence) in zip(places, read, strict=True)
        ]

    def _turned(self, picture: Pixels, boxes: list[Corners]) -> tuple[int, dict[int, Line]]:
        """Return by how many degrees, clockwise, the page must be turned to stand upright.

        With it comes what the longest lines say, by their places in `boxes`: they are read to learn it.
        """
        long = [at for at, box in enumerate(boxes) if _is_line(box)]
        upright = sum(_length(boxes[at]) * (1 if _runs_down(boxes[at]) else -1) for at in long)
        turned = 90 if upright > 0 else 0
        whole, voters = _turn(picture, turned), long[:VOTERS]
        strips = [strip_of(whole, _turn_corners(boxes[at], picture, turned)) for at in voters]
        as_it_is = list(self._read.each(strips))
        turned_over = list(self._read.each(map(upside_down, strips)))
        if sum(line[1] for line in turned_over) > sum(line[1] for line in as_it_is):
            return turned + 180, dict(zip(voters, turned_over, strict=True))
        return turned, dict(zip(voters, as_it_is, strict=True))


def _blots(lines: Sequence[TextRead | None]) -> list[TextRead]:
    """Return what was taken for one or two letters that are far larger than the others: likely parts of pictures."""
    read = [line for line in lines if line]
    usual = float(np.median([line.box[3] for line in read])) if read else 0.0
    return [
        line for line in read if len(line.text) <= BLOT_LETTERS_MAX and line.box[3] > BLOT_HEIGHT_MIN * usual
    ]


def _in_a_code(box: Corners, picture: Pixels, codes: list[TextRead]) -> bool:
    """Whether a region is a code, which the network may take for letters."""
    height, width = picture.shape[:2]
    x, y = box.mean(0) / (width, height)
    places = (code.box for code in codes)
    return any(left <= x <= left + across and top <= y <= top + down for left, top, across, down in places)


def _corners(code: TextRead, picture: Pixels) -> Corners:
    """Return the corners of a code's box in pixels."""
    left, top, across, down = code.box
    corners = [(left, top), (left + across, top), (left + across, top + down), (left, top + down)]
    return np.array(corners, np.float32) * np.array(picture.shape[1::-1], np.float32)


def _sides(box: Corners) -> tuple[float, float]:
    """Return the longer and the shorter side."""
    one, other = float(np.linalg.norm(box[0] - box[1])), float(np.linalg.norm(box[1] - box[2]))
    return max(one, other), min(one, other)


def _is_line(box: Corners) -> bool:
    longer, shorter = _sides(box)
    return longer >= LINE_RATIO * shorter


def _length(box: Corners) -> float:
    return _sides(box)[0]


def _along(box: Corners) -> NDArray[np.float32]:
    """Return the direction of a box's longer side, to the right or straight down."""
    one, other = box[1] - box[0], box[2] - box[1]
    way = one if np.linalg.norm(one) >= np.linalg.norm(other) else other
    return np.asarray(-way if way[0] < 0 else way, np.float32)


def _runs_down(box: Corners) -> bool:
    across, down = _along(box)
    return bool(abs(down) > abs(across))


def _lie(boxes: list[Corners], picture: Pixels) -> Lie:
    long = [box for box in boxes if _is_line(box) and not _runs_down(box)]
    angles = [float(np.degrees(np.arctan2(down, across))) for across, down in map(_along, long)]
    middles = [_from_middle(box.mean(0), picture) for box in long]
    return lie_of(middles, angles, [_length(box) / picture.shape[1] for box in long])


def _from_middle(point: NDArray[np.float32], picture: Pixels) -> Point:
    """Return a point's place from the middle of the picture, in units of its width."""
    height, width = picture.shape[:2]
    return (float(point[0]) - width / 2) / width, (float(point[1]) - height / 2) / width


def _straight(box: Corners, lie: Lie, picture: Pixels) -> Corners:
    """Return a box on the straight page, in pixels."""
    height, width = picture.shape[:2]
    points = np.array([lie.straight(_from_middle(corner, picture)) for corner in box], np.float32)
    return np.asarray(points * width + (width / 2, height / 2), np.float32)


def _turn(picture: Pixels, degrees: int) -> Pixels:
    return np.ascontiguousarray(np.rot90(picture, -degrees // 90))


def _turn_corners(box: Corners, picture: Pixels, degrees: int) -> Corners:
    """Return a box where it stands once the picture is turned clockwise."""
    height, width = picture.shape[:2]
    x, y = box[:, 0], box[:, 1]
    turned = {0: (x, y), 90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}[degrees]
    return np.stack(turned, 1).astype(np.float32)
