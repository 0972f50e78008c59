"""What a line says: the recognition network of PP-OCR, decoded by CTC's best path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from workers.inference.ocr.networks import RECOGNITION, OcrNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEIGHT_PX = 48
WIDTHS_PX = (160, 320, 480, 640, 960, 1280)
"""Widths that the network is run at: few, since each keeps prepared kernels in memory. Longer lines are squeezed."""


class Recogniser:
    """Reads lines that were cut out of a picture and lie on their side no more."""

    def __init__(self, threads: int) -> None:
        self._network = OcrNetwork(RECOGNITION, threads)
        self._characters = np.array(["", *self._network.characters, " "])

    def warm(self) -> None:
        """Prepare the kernels of all sizes."""
        for width in WIDTHS_PX:
            self(np.zeros((HEIGHT_PX, width, 3), np.uint8))

    def __call__(self, line: NDArray[np.uint8]) -> tuple[str, float]:
        """Return the text of an RGB line, and the mean probability of its characters."""
        probabilities = self._network(_prepared(line))[0]
        best, certainty = probabilities.argmax(1), probabilities.max(1)
        # CTC's best path: the same character again, and blanks (0), are no new characters.
        kept = (best != 0) & (best != np.concatenate(([-1], best[:-1])))
        if not kept.any():
            return "", 0.0
        return "".join(self._characters[best[kept]]).strip(), float(certainty[kept].mean())


def _prepared(line: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the line at the network's height, in the narrowest width that holds it."""
    height, width = line.shape[:2]
    wanted = max(round(width * HEIGHT_PX / height), 1)
    canvas = next((one for one in WIDTHS_PX if one >= wanted), WIDTHS_PX[-1])
    resized = cv2.resize(line, (min(wanted, canvas), HEIGHT_PX), interpolation=cv2.INTER_LINEAR)
    pixels = np.zeros((1, 3, HEIGHT_PX, canvas), np.float32)
    planes = resized[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
    pixels[0, :, :, : resized.shape[1]] = planes / 127.5 - 1
    return pixels
