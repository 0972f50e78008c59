"""The child's side: reads one picture after another. Runs in a sandboxed process, which never sees a picture's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workers.inference.ocr.barcodes import barcodes
from workers.inference.ocr.lines import LineReader
from workers.inference.ocr.page_lines import PageNetworks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workers.inference.ocr.types import Script


class PhotoHandler:
    """Reads photos: the readers of lines and barcodes, loaded and warmed."""

    def __init__(self, threads: int) -> None:
        self._lines = LineReader(threads)

    def hello(self) -> dict[str, Any]:
        """Return nothing: there is nothing to tell."""
        return {}

    def read(self, head: dict[str, Any], payload: memoryview) -> tuple[dict[str, Any], list[bytes]]:
        """Return what stands in the RGB picture of `size` (width, height), barcodes first."""
        picture = _picture(head, payload)
        found = [*barcodes(picture), *self._lines(picture)]
        return {"read": [one.to_json() for one in found]}, []


class PageHandler:
    """Reads pages."""

    def __init__(self, threads: int, script: Script) -> None:
        self._read_page = PageNetworks(threads, script)

    def hello(self) -> dict[str, Any]:
        """Return nothing: there is nothing to tell."""
        return {}

    def read(self, head: dict[str, Any], payload: memoryview) -> tuple[dict[str, Any], list[bytes]]:
        """Return what stands on the RGB picture of a page of `size` (width, height)."""
        return self._read_page(_picture(head, payload)).to_json(), []


def _picture(head: dict[str, Any], payload: memoryview) -> NDArray[np.uint8]:
    width, height = head["size"]
    return np.frombuffer(bytes(payload), np.uint8).reshape(height, width, 3)
