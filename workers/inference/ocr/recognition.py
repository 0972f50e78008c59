"""What a line says: the recognition network of PP-OCR, decoded by CTC's best path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from workers.inference.ocr.networks import RECOGNITION, OcrNetwork

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from workers.inference.ocr.types import Script

HEIGHT_PX = 48
WARMED_EACH = 2
"""Inputs of a size for each stream: each prepares kernels of its own, and takes what comes when it is free."""


@dataclass(frozen=True)
class LineShapes:
    """How lines are shown to the network.

    `widths`: in pixels, few, since each keeps prepared kernels in memory; longer lines are squeezed. `narrowed`: by
    what share of their width lines are shown.
    """

    widths: tuple[int, ...]
    narrowed: float = 1.0


PHOTO_SHAPES = LineShapes((160, 320, 480, 640, 960, 1280))
PAGE_SHAPES = LineShapes((160, 320, 480, 640, 960, 1280, 1920), 0.7)
"""Small letters go across a page. In running text the network misses fewer spaces where lines are narrower."""
_LATIN = re.compile(
    "[\\x20-\\u024f\\u1e00-\\u1eff\\u2010-\\u203a\\u2070-\\u209f\\u20a0-\\u20bf\\u2100-\\u22ff\\u0370-\\u03ff\\u2500-\\u25ff]"
)
"""Letters of Latin languages, and what stands among them: Greek ones, numbers, signs of mathematics and money."""


class Recogniser:
    """Reads lines that were cut out of a picture and lie on their side no more; as many at once as `streams`."""

    def __init__(
        self, threads: int, shapes: LineShapes = PHOTO_SHAPES, script: Script = "any", streams: int = 1
    ) -> None:
        self._network = OcrNetwork(RECOGNITION, threads, streams)
        self._shapes, self._streams = shapes, streams
        characters = ["", *self._network.characters, " "]
        self._characters = np.array(characters)
        self._known: slice | list[int] = slice(None)
        if script == "latin":
            self._known = [place for place, one in enumerate(characters) if not one or _LATIN.fullmatch(one)]
            self._characters = self._characters[self._known]

    def warm(self) -> None:
        """Prepare the kernels of all sizes."""
        for width in self._shapes.widths:
            empty = np.zeros((HEIGHT_PX, width, 3), np.uint8)
            for _ in self.each([empty] * WARMED_EACH * self._streams):
                pass

    def __call__(self, line: NDArray[np.uint8]) -> tuple[str, float]:
        """Return the text of an RGB line, and the mean probability of its characters."""
        return next(self.each([line]))

    def each(self, lines: Iterable[NDArray[np.uint8]]) -> Iterator[tuple[str, float]]:
        """Yield the same of each line, in order."""
        return map(self._text, self._network.each(_prepared(line, self._shapes) for line in lines))

    def _text(self, result: NDArray[np.float32]) -> tuple[str, float]:
        probabilities = result[0][:, self._known]
        best, certainty = probabilities.argmax(1), probabilities.max(1)
        # CTC's best path: the same character again, and blanks (0), are no new characters.
        kept = (best != 0) & (best != np.concatenate(([-1], best[:-1])))
        if not kept.any():
            return "", 0.0
        return "".join(self._characters[best[kept]]).strip(), float(certainty[kept].mean())


def _prepared(line: NDArray[np.uint8], shapes: LineShapes) -> NDArray[np.float32]:
    """Return the line at the network's height, in the narrowest width that holds it."""
    height, width = line.shape[:2]
    wanted = max(round(width * shapes.narrowed * HEIGHT_PX / height), 1)
    canvas = next((one for one in shapes.widths if one >= wanted), shapes.widths[-1])
    resized = cv2.resize(line, (min(wanted, canvas), HEIGHT_PX), interpolation=cv2.INTER_LINEAR)
    pixels = np.zeros((1, 3, HEIGHT_PX, canvas), np.float32)
    planes = resized[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
    pixels[0, :, :, : resized.shape[1]] = planes / 127.5 - 1
    return pixels
