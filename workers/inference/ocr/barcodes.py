"""Barcodes and QR codes of a picture, by ZXing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zxingcpp

from workers.inference.ocr.types import READS_MAX, TEXT_MAX_CHARACTERS, TextRead

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def barcodes(picture: NDArray[np.uint8]) -> list[TextRead]:
    """Return what the barcodes of an RGB picture (height, width, 3) say, turned however they are."""
    height, width = picture.shape[:2]
    found = []
    for code in zxingcpp.read_barcodes(picture)[:READS_MAX]:
        place = code.position
        corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        across, down = [corner.x / width for corner in corners], [corner.y / height for corner in corners]
        left, top = max(min(across), 0.0), max(min(down), 0.0)
        box = (left, top, min(max(across), 1.0) - left, min(max(down), 1.0) - top)
        if code.valid and code.text.strip():
            found.append(TextRead(code.text.strip()[:TEXT_MAX_CHARACTERS], box, "barcode", 1.0))
    return found
