"""The pictures of a PDF's page, with their captions: photographs, and drawings made of lines."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from workers.extraction.captions import words_of
from workers.extraction.formats.pdf_lines import box_around
from workers.extraction.formats.pdf_pages import jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL import Image

    from workers.extraction.lines import PageLine
    from workers.extraction.output import Output
    from workers.extraction.types import Box

PIXELS_MAX = 100_000_000
OBJECTS_MAX = 20_000
WHOLE_PAGE = 0.85
"""A picture that covers so much of its page is the scan under the text that was read in it."""
DRAWING_PARTS_MIN, DRAWING_AREA_MIN, DRAWING_SIDE_MIN = 12, 0.02, 0.1
TOUCHING = 0.012
"""Lines of one drawing are no farther apart than this share of the page."""
_DRAWING_SCALE = 2.0


@dataclass(frozen=True)
class Placed:
    """A figure that was kept, and where on its page it stands."""

    file: str
    page: int
    box: Box
    caption: str
    near: str


def figures_of(page: pdfium.PdfPage, number: int, out: Output, lines: Sequence[PageLine]) -> list[Placed]:
    """Keep the figures of a page, from top to bottom."""
    found = sorted([*_photographs(page, out), *_drawings(page, lines)], key=lambda one: one[0][1])
    kept = []
    for box, picture in found:
        caption, near = words_of(box, lines)
        kept.append(Placed(out.put(_encoded(picture)), number, box, caption, near))
    return kept


def largest_picture(page: pdfium.PdfPage) -> float:
    """Return the share of the page that its largest picture covers."""
    shares = [0.0]
    for placed in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=5):
        box = (
            box_around(page, list(placed.get_quad_points())) if isinstance(placed, pdfium.PdfImage) else None
        )
        shares.append(box[2] * box[3] if box else 0.0)
    return max(shares)


def _photographs(page: pdfium.PdfPage, out: Output) -> Iterator[tuple[Box, Image.Image]]:
    for index, placed in enumerate(page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=5)):
        if index >= out.limits.figures:
            return
        box = (
            box_around(page, list(placed.get_quad_points())) if isinstance(placed, pdfium.PdfImage) else None
        )
        if box is None or box[2] * box[3] > WHOLE_PAGE:
            continue
        width, height = placed.get_px_size()
        if min(width, height) < out.limits.figure_side_px or width * height > PIXELS_MAX:
            continue
        try:
            yield box, placed.get_bitmap(render=True, scale_to_original=True).to_pil()
        except pdfium.PdfiumError:
            continue


def _encoded(picture: Image.Image) -> bytes:
    """Return a photograph as JPEG; a drawing, which has few colours or is partly transparent, as PNG."""
    flat = picture
    if picture.mode in ("RGBA", "LA", "P"):
        alpha = picture.convert("RGBA")
        flat = alpha.copy()
        flat.paste((255, 255, 255, 255), (0, 0, *flat.size))
        flat.alpha_composite(alpha)
    flat = flat.convert("RGB")
    if flat.getcolors(maxcolors=256) is None:
        return jpeg(flat)
    kept = io.BytesIO()
    flat.save(kept, "PNG")
    return kept.getvalue()


def _drawings(page: pdfium.PdfPage, lines: Sequence[PageLine]) -> Iterator[tuple[Box, Image.Image]]:
    """Yield pictures of the places where many lines and shapes are drawn close together."""
    for box, parts in _clusters(_shapes(page)):
        is_large = box[2] * box[3] >= DRAWING_AREA_MIN and min(box[2], box[3]) >= DRAWING_SIDE_MIN
        if (
            parts >= DRAWING_PARTS_MIN
            and is_large
            and box[2] * box[3] <= WHOLE_PAGE
            and not _is_text(box, lines)
        ):
            yield box, _cut_out(page, box)


def _shapes(page: pdfium.PdfPage) -> list[Box]:
    """Return the boxes of drawn shapes, but not of rules: those lie around tables and under titles."""
    shapes = []
    for index, placed in enumerate(page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_PATH], max_depth=5)):
        if index >= OBJECTS_MAX:
            break
        left, bottom, right, top = placed.get_bounds()
        box = box_around(page, [(left, bottom), (right, top)])
        if box is not None and not _is_rule(box):
            shapes.append(box)
    return shapes


def _is_rule(box: Box) -> bool:
    return min(box[2], box[3]) < 0.004 and max(box[2], box[3]) > 0.05


def _clusters(boxes: Sequence[Box]) -> list[tuple[Box, int]]:
    """Return the boxes around shapes that touch, and how many there are, in one pass from top to bottom."""
    clusters: list[tuple[Box, int]] = []
    for box in sorted(boxes, key=lambda one: one[1]):
        near = [one for one in clusters if _touch(one[0], box)]
        clusters = [one for one in clusters if not _touch(one[0], box)]
        clusters.append((_union([box, *(one for one, _ in near)]), 1 + sum(parts for _, parts in near)))
    return clusters


def _touch(one: Box, other: Box) -> bool:
    return (
        one[0] - TOUCHING <= other[0] + other[2]
        and other[0] - TOUCHING <= one[0] + one[2]
        and one[1] - TOUCHING <= other[1] + other[3]
        and other[1] - TOUCHING <= one[1] + one[3]
    )


def _union(boxes: Sequence[Box]) -> Box:
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top


def _is_text(box: Box, lines: Sequence[PageLine]) -> bool:
    """Tell a coloured table or a framed text from a drawing: lines of text cover a good part of it."""
    inside = [
        line
        for line in lines
        if _touch(box, line.box) and line.top >= box[1] and line.bottom <= box[1] + box[3]
    ]
    return sum(line.box[2] * line.box[3] for line in inside) > 0.25 * box[2] * box[3]


def _cut_out(page: pdfium.PdfPage, box: Box) -> Image.Image:
    width, height = page.get_size()
    margins = (
        box[0] * width,
        max(0.0, 1 - box[1] - box[3]) * height,
        max(0.0, 1 - box[0] - box[2]) * width,
        box[1] * height,
    )
    picture: Image.Image = page.render(scale=_DRAWING_SCALE, crop=margins).to_pil()
    return picture
