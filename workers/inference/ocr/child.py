"""The child's side: reads one picture after another. Runs in a sandboxed process, which never sees a picture's file."""

from __future__ import annotations

from typing import Any

import numpy as np

from workers.inference.ocr.barcodes import barcodes
from workers.inference.ocr.lines import LineReader


class ReadingHandler:
    """Both readers, loaded and warmed."""

    def __init__(self, threads: int) -> None:
        self._lines = LineReader(threads)

    def hello(self) -> dict[str, Any]:
        """Return nothing: there is nothing to tell."""
        return {}

    def read(self, head: dict[str, Any], payload: memoryview) -> tuple[dict[str, Any], list[bytes]]:
        """Return what stands in the RGB picture of `size` (width, height), barcodes first."""
        width, height = head["size"]
        picture = np.frombuffer(bytes(payload), np.uint8).reshape(height, width, 3)
        found = [*barcodes(picture), *self._lines(picture)]
        return {"read": [one.to_json() for one in found]}, []
