"""The pictures of a scanned page, cut out upright and straight, with what the page says of them."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import Image

from workers.extraction.captions import words_of
from workers.extraction.page_layout import among_lines, corners_on_picture, lines_of_page, on_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.extraction.types import Box
    from workers.inference.ocr.types import LinesOfPage

QUALITY = 88


@dataclass(frozen=True)
class CutOut:
    """A picture of a page as JPEG; `box`: where it stands on the page's picture as that was given."""

    data: bytes
    box: Box
    caption: str
    near: str


def cut_out_figures(found: LinesOfPage, picture: Image.Image) -> Iterator[CutOut]:
    """Yield the figures that were found on the RGB picture of a page."""
    lines, level = lines_of_page(found, picture.size), replace(found, lie=found.lie.level)
    for box in found.figures:
        among = among_lines(box, level, found, picture.size)
        yield CutOut(_cut(level, picture, box), on_picture(box, level, picture.size), *words_of(among, lines))


def _cut(found: LinesOfPage, picture: Image.Image, box: Box) -> bytes:
    upper_left, lower_left, upper_right, lower_right = (
        (x * picture.width, y * picture.height) for x, y in corners_on_picture(box, found, picture.size)
    )
    width = (math.dist(upper_left, upper_right) + math.dist(lower_left, lower_right)) / 2
    height = (math.dist(upper_left, lower_left) + math.dist(upper_right, lower_right)) / 2
    size = max(round(width), 1), max(round(height), 1)
    corners = (*upper_left, *lower_left, *lower_right, *upper_right)
    cut = picture.transform(size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
    kept = io.BytesIO()
    cut.save(kept, "JPEG", quality=QUALITY)
    return kept.getvalue()
