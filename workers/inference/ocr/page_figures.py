"""Where the pictures of a scanned page are: what differs from the paper and is neither text nor a rule.

The page is laid straight first, at a small scale. The paper's colour begins with that around the lines that were found,
and is a plane over the page, since light is uneven. What is left joins up with its close surroundings; pieces that are
large enough, and hold little text, are figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from workers.inference.ocr.types import PAGE_FIGURES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from workers.inference.ocr.detection import Pixels
    from workers.inference.ocr.lie import Lie
    from workers.inference.ocr.types import Box

    Mask = NDArray[np.uint8]

Edges: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""

LONGEST_PX = 1000
PAPER_PERCENTILE = 85
"""So bright, of the pixels around a line, is paper."""
PAPER_WITHIN, PAPER_STEP_PX, PAPER_PIXELS_MIN = (60.0, 45.0, 35.0, 25.0), 4, 100
"""What differs by no more, of 255, is like the paper; one pixel of so many across and down is looked at."""
INK = 30.0
"""What differs from the paper by more, of 255 in some channel, is printed."""
TEXT_GROWN_PX = 3
RULE_PX, RULE_THICK_PX = 40, 6
"""A rule is as long at least, and not as thick."""
JOINED_PX = 11
AREA_MIN, SIDE_MIN, FILLED_MIN = 0.015, 0.06, 0.15
"""A figure's box as a share of the page, its sides as shares of the page's longer side, and the printed part of it."""
TEXT_MAX = 0.2
"""Where lines cover more of a box it is a framed or coloured text."""
SURROUNDS_EDGES, SURROUNDS_FILLED = 3, 0.5
"""What touches as many edges of the picture, and has a hole in it, is what the page lies on."""


def straightened(upright: Pixels, lie: Lie) -> Pixels:
    """Return the page laid straight, its longer side `LONGEST_PX`."""
    scale = LONGEST_PX / max(upright.shape)
    width, height = (max(round(side * scale), 1) for side in upright.shape[1::-1])
    small = cv2.resize(upright, (width, height), interpolation=cv2.INTER_AREA)
    down, across = np.mgrid[0:height, 0:width].astype(np.float64)
    x, y = lie.lying(((across + 0.5) / width - 0.5, (down + 0.5 - height / 2) / width))
    places = ((x + 0.5) * width - 0.5, y * width + height / 2 - 0.5)
    columns, rows = (place.astype(np.float32) for place in places)
    return np.asarray(
        cv2.remap(small, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def figures_on(page: Pixels, lines: Sequence[Box], others: Sequence[Box] = ()) -> tuple[Box, ...]:
    """Return the boxes of the figures of a straight RGB page (height, width, 3), from top to bottom.

    `lines`: what was read; `others`: codes, and what may be letters that nobody could read. All are fractions.
    """
    texts = [_edges(box, page) for box in lines]
    hidden = [*texts, *(_edges(box, page) for box in others)]
    ink = _without_rules(_without(_ink(page, texts), hidden))
    near = cv2.getStructuringElement(cv2.MORPH_RECT, (JOINED_PX, JOINED_PX))
    found = _pieces(np.asarray(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, near), np.uint8), texts)
    boxes = sorted(_united(list(found)), key=lambda one: (one[1], one[0]))[:PAGE_FIGURES_MAX]
    return tuple(_fractions(one, page) for one in boxes)


def _edges(box: Box, page: Pixels) -> Edges:
    height, width = page.shape[:2]
    left, top, across, down = box
    return (
        round(left * width), round(top * height), round((left + across) * width), round((top + down) * height)
    )  # fmt: skip


def _fractions(edges: Edges, page: Pixels) -> Box:
    height, width = page.shape[:2]
    left, top, right, bottom = edges
    sides = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    return round(sides[0], 4), round(sides[1], 4), round(sides[2], 4), round(sides[3], 4)


def _ink(page: Pixels, texts: Sequence[Edges]) -> Mask:
    away = np.abs(page.astype(np.float32) - _paper(page, texts)).max(2)
    return np.asarray(away > INK, np.uint8)


def _paper(page: Pixels, texts: Sequence[Edges]) -> NDArray[np.float32]:
    """Return the paper's colour at each pixel: a plane through the pixels that are like it, fitted anew and anew."""
    down, across = np.mgrid[0 : page.shape[0], 0 : page.shape[1]].astype(np.float32) / LONGEST_PX
    terms = np.stack((np.ones_like(down), across, down), 2)
    some = (slice(None, None, PAPER_STEP_PX), slice(None, None, PAPER_STEP_PX))
    seen, places = page[some].reshape(-1, 3).astype(np.float32), terms[some].reshape(-1, 3)
    plane = np.stack((_around(page, texts), *np.zeros((2, 3), np.float32)))
    for within in PAPER_WITHIN:
        like = np.abs(seen - places @ plane).max(1) <= within
        if like.sum() < PAPER_PIXELS_MIN:
            break
        plane = np.linalg.lstsq(places[like], seen[like], rcond=None)[0]
    return np.asarray(terms @ plane, np.float32)


def _around(page: Pixels, texts: Sequence[Edges]) -> NDArray[np.float32]:
    """Return the usual colour between the letters of lines; of a page without any, the bright one."""
    parts = [page[top:bottom, left:right].reshape(-1, 3) for left, top, right, bottom in texts]
    seen = [np.percentile(part, PAPER_PERCENTILE, axis=0) for part in parts if len(part)]
    bright = np.percentile(page.reshape(-1, 3), PAPER_PERCENTILE, axis=0)
    return np.asarray(np.median(seen, 0) if seen else bright, np.float32)


def _without(ink: Mask, hidden: Sequence[Edges]) -> Mask:
    for left, top, right, bottom in hidden:
        more = TEXT_GROWN_PX
        ink[max(top - more, 0) : bottom + more, max(left - more, 0) : right + more] = 0
    return ink


def _without_rules(ink: Mask) -> Mask:
    """Leave out long thin lines, level or upright: they lie around tables and under titles."""
    rules = np.zeros_like(ink)
    for long, thick in (((RULE_PX, 1), (1, RULE_THICK_PX)), ((1, RULE_PX), (RULE_THICK_PX, 1))):
        lines = _opened(ink, long)
        rules |= lines - _opened(lines, thick)
    return ink - (ink & rules)


def _opened(ink: Mask, size: tuple[int, int]) -> Mask:
    """Leave what holds a rectangle of this width and height."""
    kernel = np.ones(size[::-1], np.uint8)
    return np.asarray(cv2.morphologyEx(ink, cv2.MORPH_OPEN, kernel), np.uint8)


def _pieces(joined: Mask, texts: Sequence[Edges]) -> Iterator[Edges]:
    """Yield the boxes of pieces that are figures."""
    height, width = joined.shape
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    for left, top, across, down, pixels in stats[1:].tolist():
        edges, area = (left, top, left + across, top + down), across * down
        large = area >= AREA_MIN * width * height and min(across, down) >= SIDE_MIN * max(width, height)
        if not large or pixels < FILLED_MIN * area or _covered(edges, texts) > TEXT_MAX * area:
            continue
        touched = (left <= 1) + (top <= 1) + (edges[2] >= width - 1) + (edges[3] >= height - 1)
        if touched < SURROUNDS_EDGES or pixels >= SURROUNDS_FILLED * area:
            yield edges


def _covered(edges: Edges, texts: Sequence[Edges]) -> int:
    """Return how many pixels of a box are covered by lines."""
    shared = (
        (min(edges[2], right) - max(edges[0], left), min(edges[3], bottom) - max(edges[1], top))
        for left, top, right, bottom in texts
    )
    return sum(across * down for across, down in shared if across > 0 and down > 0)


def _united(boxes: list[Edges]) -> list[Edges]:
    """Return boxes of which none overlap: those that do are one figure."""
    united: list[Edges] = []
    for box in boxes:
        found = box
        while overlapping := [one for one in united if _overlap(one, found)]:
            united = [one for one in united if one not in overlapping]
            lefts, tops, rights, bottoms = zip(found, *overlapping, strict=True)
            found = (min(lefts), min(tops), max(rights), max(bottoms))
        united.append(found)
    return united


def _overlap(one: Edges, other: Edges) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
