"""Where lines stand on a page: the detection network goes over a page's picture in tiles, so that small print is seen.

The tiles' maps of probability are laid together before lines are found in them, so a line may cross tiles. All tiles
have one size: the network keeps one set of prepared kernels, however large the page.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from workers.inference.ocr.detection import boxes_of, normalised
from workers.inference.ocr.networks import DETECTION, OcrNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workers.inference.ocr.detection import Corners, Pixels

TILE_PX, OVERLAP_PX = 960, 96
LONGEST_PX = 1824
"""Two tiles: the longer side of a page at the scale in which lines are looked for."""
LINE_PROBABILITY = 0.35
"""A little skew lowers the mean over a long line; what is no text is not read with confidence."""
LARGER_MAX = 2.0
"""A small picture is enlarged by no more."""


class PageDetector:
    """Finds the lines of RGB pictures of pages."""

    def __init__(self, threads: int) -> None:
        self._network = OcrNetwork(DETECTION, threads)

    def warm(self) -> None:
        """Prepare the kernels."""
        self(np.zeros((TILE_PX, TILE_PX, 3), np.uint8))

    def __call__(self, picture: Pixels) -> list[Corners]:
        """Return the corners (4, 2) of each line, x and y in the picture's pixels, going round."""
        height, width = picture.shape[:2]
        scale = min(LONGEST_PX / max(height, width), LARGER_MAX)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        shown = np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)
        boxes = boxes_of(self._probability(shown), scale, LINE_PROBABILITY)
        return [box for box in boxes if 0 <= box[:, 0].mean() < width and 0 <= box[:, 1].mean() < height]

    def _probability(self, picture: Pixels) -> NDArray[np.float32]:
        """Return each pixel's probability of text: of those that several tiles give, the highest."""
        height, width = picture.shape[:2]
        whole = np.zeros((height, width), np.float32)
        for top in tile_starts(height):
            for left in tile_starts(width):
                part = picture[top : top + TILE_PX, left : left + TILE_PX]
                tile = np.zeros((TILE_PX, TILE_PX, 3), np.uint8)
                tile[: part.shape[0], : part.shape[1]] = part
                found = self._network(normalised(tile))[0, 0, : part.shape[0], : part.shape[1]]
                seen = whole[top : top + TILE_PX, left : left + TILE_PX]
                np.maximum(seen, found, out=seen)
        return whole


def tile_starts(length: int) -> list[int]:
    """Return where tiles begin that cover a side, evenly apart and overlapping."""
    count = max(math.ceil((length - OVERLAP_PX) / (TILE_PX - OVERLAP_PX)), 1)
    last = max(length - TILE_PX, 0)
    return [round(place * last / max(count - 1, 1)) for place in range(count)]
