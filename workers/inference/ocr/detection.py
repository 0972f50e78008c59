"""Where lines of text stand in a picture: the detection network of PP-OCR and what its map of text means.

The network is a DB (Liao et al., Real-time Scene Text Detection with Differentiable Binarization, 2020): it gives each
pixel's probability of lying in the shrunken middle of a line. Regions above a threshold are lines; each is grown back
by its area × a ratio ÷ its circumference, as the paper does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from workers.inference.ocr.networks import DETECTION, OcrNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Corners = NDArray[np.float32]
    Probability = NDArray[np.float32]

CANVASES = ((960, 960), (736, 960), (960, 736))
"""Heights and widths that the network is run at: few, since each keeps prepared kernels in memory."""
TEXT_PROBABILITY, LINE_PROBABILITY = 0.3, 0.5
GROWN = 1.6
SMALLEST_PX = 5.0
SMALL_LINE_PX, LARGER_MIN, AROUND_PX = 48.0, 1.3, 16
"""Lines lower than that are looked at again where they become so much larger, with so many pixels around them all."""
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


class LineDetector:
    """Finds lines in RGB pictures."""

    def __init__(self, threads: int) -> None:
        self._network = OcrNetwork(DETECTION, threads)

    def warm(self) -> None:
        """Prepare the kernels of all sizes."""
        for height, width in CANVASES:
            self(np.zeros((height, width, 3), np.uint8))

    def __call__(self, picture: Pixels) -> list[Corners]:
        """Return the corners (4, 2) of each line, x and y in the picture's pixels, going round; the largest first.

        Where all text is small and stands in a part of the picture, that part is looked at again, larger.
        """
        probability, scale = self._looked(picture)
        boxes = boxes_of(probability, scale)
        if _are_small(boxes, scale) and (part := _part_with_text(probability, scale, picture)):
            left, top, right, bottom = part
            found = boxes_of(*self._looked(picture[top:bottom, left:right]))
            boxes = [box + np.array([left, top], np.float32) for box in found]
        height, width = picture.shape[:2]
        inside = [box for box in boxes if 0 <= box[:, 0].mean() < width and 0 <= box[:, 1].mean() < height]
        return sorted(inside, key=_area, reverse=True)

    def _looked(self, picture: Pixels) -> tuple[Probability, float]:
        """Return each pixel's probability of text, on the canvas, and the picture's scale there."""
        canvas, scale = _on_canvas(picture)
        return self._network(normalised(canvas))[0, 0], scale


def _on_canvas(picture: Pixels) -> tuple[Pixels, float]:
    """Return the picture in the corner of the canvas that it fills best, and its scale there."""
    height, width = picture.shape[:2]
    scales = [min(down / height, across / width) for down, across in CANVASES]
    filled = [
        scale**2 * height * width / (down * across)
        for scale, (down, across) in zip(scales, CANVASES, strict=True)
    ]
    best = int(np.argmax(filled))
    scale = min(scales[best], 2.0)
    canvas = np.zeros((*CANVASES[best], 3), np.uint8)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=way)
    return canvas, scale


def normalised(picture: Pixels) -> NDArray[np.float32]:
    """Return what the network takes, `(1, 3, height, width)`: blue, green, red, scaled as ImageNet is.

    With (v / 127.5 − 1), as rapidocr gives it, it finds as many lines, and far more in photos that have none.
    """
    planes = (picture[:, :, ::-1].astype(np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(planes.transpose(2, 0, 1)[None])


def _are_small(boxes: list[Corners], scale: float) -> bool:
    """Whether most lines are low on the canvas, also where there are none yet."""
    heights = [min(_sides(box)) * scale for box in boxes]
    return not heights or bool(np.median(heights) < SMALL_LINE_PX)


def _part_with_text(
    probability: Probability, scale: float, picture: Pixels
) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of the part that holds all text, where it can be shown much larger."""
    down, across = np.nonzero(probability > TEXT_PROBABILITY)
    if not len(down):
        return None
    height, width = picture.shape[:2]
    edges = np.array([across.min(), down.min(), across.max() + 1, down.max() + 1]) / scale
    more = np.array([-1, -1, 1, 1]) * (
        AROUND_PX / scale + 0.1 * max(edges[2] - edges[0], edges[3] - edges[1])
    )
    left, top, right, bottom = np.clip(np.rint(edges + more), 0, (width, height, width, height)).astype(int)
    larger = _on_canvas(picture[top:bottom, left:right])[1] if right > left and bottom > top else 0.0
    return (left, top, right, bottom) if larger >= LARGER_MIN * scale else None


def boxes_of(probability: Probability, scale: float, certain: float = LINE_PROBABILITY) -> list[Corners]:
    """Return the grown rectangles around regions of text, in the picture's pixels; `certain`: of a line, on average."""
    mask = cv2.dilate((probability > TEXT_PROBABILITY).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = (_grown(contour, probability, certain) for contour in contours)
    return [box / scale for box in found if box is not None]


def _grown(contour: Any, probability: Probability, certain: float) -> Corners | None:
    (x, y), (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < SMALLEST_PX - 2:
        return None
    corners = np.asarray(cv2.boxPoints(((x, y), (width, height), angle)), np.float32)
    if _mean_inside(probability, corners) < certain:
        return None
    more = 2 * width * height * GROWN / (2 * (width + height))
    if min(width, height) + more < SMALLEST_PX:
        return None
    return np.asarray(cv2.boxPoints(((x, y), (width + more, height + more), angle)), np.float32)


def _mean_inside(probability: Probability, corners: Corners) -> float:
    low = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    high = np.ceil(corners.max(0)).astype(int) + 1
    part = probability[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return 0.0
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(mask, [(corners - low).astype(np.int32)], 1)
    return float(cv2.mean(part, mask)[0])


def _area(box: Corners) -> float:
    across, along = _sides(box)
    return across * along


def _sides(box: Corners) -> tuple[float, float]:
    return float(np.linalg.norm(box[0] - box[1])), float(np.linalg.norm(box[1] - box[2]))
