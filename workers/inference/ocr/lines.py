"""The lines of a picture, whichever way up it was photographed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from workers.inference.ocr.detection import LineDetector
from workers.inference.ocr.recognition import Recogniser
from workers.inference.ocr.types import READS_MAX, TextRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Line = tuple[str, float]

VOTERS = 3
"""How many of the largest lines are read both ways, to learn whether the picture stands on its head."""
SURE = 0.85
"""A line that is read with less confidence is read the other way, too."""
CONFIDENCE_MIN = 0.5
_UPRIGHT_RATIO = 1.5
"""A region that is so much higher than wide holds a line on its side."""


class LineReader:
    """Finds and reads lines; loaded and warmed when it is made."""

    def __init__(self, threads: int) -> None:
        self._find, self._read = LineDetector(threads), Recogniser(threads)
        self._find.warm()
        self._read.warm()

    def __call__(self, picture: NDArray[np.uint8]) -> list[TextRead]:
        """Return the lines of an RGB picture (height, width, 3), from top to bottom."""
        boxes = self._find(picture)[:READS_MAX]
        strips = [strip_of(picture, box) for box in boxes]
        flipped = self._is_flipped(strips[:VOTERS])
        read = [self._line(strip, flipped=flipped) for strip in strips]
        found = [
            TextRead(text, fractions_of(box, picture), "line", round(confidence, 3))
            for box, (text, confidence) in zip(boxes, read, strict=True)
            if text and confidence >= CONFIDENCE_MIN
        ]
        return sorted(found, key=lambda one: (one.box[1], one.box[0]))

    def _is_flipped(self, strips: list[NDArray[np.uint8]]) -> bool:
        """Whether these lines read better upside down, taken together."""
        return sum(self._read(upside_down(one))[1] - self._read(one)[1] for one in strips) > 0

    def _line(self, strip: NDArray[np.uint8], *, flipped: bool) -> Line:
        first, second = (upside_down(strip), strip) if flipped else (strip, upside_down(strip))
        read = self._read(first)
        return read if read[1] >= SURE else max(read, self._read(second), key=lambda line: line[1])


def strip_of(picture: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cut a line out and lay it flat; which of its long sides is the upper one is not known yet."""
    corners = _from_top_left(box)
    width = max(int(np.linalg.norm(corners[0] - corners[1])), 1)
    height = max(int(np.linalg.norm(corners[1] - corners[2])), 1)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    way = cv2.getPerspectiveTransform(corners, target)
    strip: NDArray[np.uint8] = np.asarray(
        cv2.warpPerspective(
            picture, way, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )
    return np.rot90(strip).copy() if height >= _UPRIGHT_RATIO * width else strip


def _from_top_left(box: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the corners clockwise from the upper left one."""
    order = np.argsort(box[:, 0], kind="stable")
    left, right = box[order[:2]], box[order[2:]]
    left, right = left[np.argsort(left[:, 1])], right[np.argsort(right[:, 1])]
    return np.array([left[0], right[0], right[1], left[1]], np.float32)


def upside_down(strip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a line turned by 180 degrees."""
    return np.ascontiguousarray(strip[::-1, ::-1])


def fractions_of(box: NDArray[np.float32], picture: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Return the upright rectangle around a box, as fractions of the picture's sides."""
    height, width = picture.shape[:2]
    (left, top), (right, bottom) = (np.clip(one / (width, height), 0, 1) for one in (box.min(0), box.max(0)))
    left, top, across, down = (round(float(side), 4) for side in (left, top, right - left, bottom - top))
    return left, top, across, down
