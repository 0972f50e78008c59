"""From the lines that were read on a page to its blocks in reading order.

Columns are found by the white between them: an x at which few lines cross and at whose sides lines of running text
stand. Lines that cross it, such as a title, part what stands above from what stands below. Without such an x lines go
row by row, as in a table.
"""

from __future__ import annotations

import re
import statistics
from dataclasses import replace
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from workers.extraction.captions import is_caption
from workers.extraction.formats.pdf_layout import PageText, blocks_of
from workers.extraction.lines import PageLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workers.extraction.types import Block, Box
    from workers.inference.ocr.types import LinesOfPage, TextRead

GUTTERS = 128
"""At so many places across a page white between columns is looked for."""
COLUMN_LINES_MIN, COLUMN_CHARACTERS, COLUMN_FILLED = 3, 15, 0.6
"""A column has as many lines; half of them have so many letters, and fill this share of its width."""
CROSSING_MAX, LEANING = 0.4, 0.15
CELLS_MIN = 3
"""A row of as many short pieces is a table's, not lines of columns."""
DEPTH_MAX = 4
TRIMMED = 0.25
"""Of a line's height, at both its ends."""
LARGE, LARGE_NUMBERED = 1.4, 1.2
"""So much higher than most of a page's lines are those of a heading; those that begin with a section's number."""
NUMBERED_CHARACTERS_MAX, NUMBERED_SIZE = 80, 1.5
_NUMBERED = re.compile(r"(?:§\s*)?(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+(?=[^\W\d_])")
"""How a numbered title begins: `4.2 Impeller`, `§ 3 Wartung`."""
PARAGRAPH_GAP = 0.3
"""More white than usual, by this share of a line's height, parts two paragraphs."""


def blocks_of_page(found: LinesOfPage, size: tuple[int, int], page: int) -> tuple[Block, ...]:
    """Return a page's blocks; `size`: width and height of its picture, on which their boxes stand."""
    if not found.lines:
        return ()
    usual = _usual_height(found.lines)
    ordered = _without_hyphens(list(_ordered(lines_of_page(found, size), DEPTH_MAX)))
    blocks = blocks_of([PageText(page, part) for part in _parts(ordered, usual)], {})
    return tuple(
        replace(_levelled(block), read=True, box=block.box and on_picture(block.box, found, size))
        for block in blocks
    )


def lines_of_page(found: LinesOfPage, size: tuple[int, int]) -> list[PageLine]:
    """Return a page's lines as they were found, on the straight page."""
    usual = _usual_height(found.lines)
    width, height = upright_size(found, size)
    return [
        PageLine(read.text, _trimmed(read.box, height / width), _size(read, usual)) for read in found.lines
    ]


def upright_size(found: LinesOfPage, size: tuple[int, int]) -> tuple[int, int]:
    """Return width and height of a page's picture once it stands upright."""
    return size if found.turned in (0, 180) else (size[1], size[0])


def _trimmed(box: Box, aspect: float) -> Box:
    """Return a line's box without the white that the network has around it, so that cells beside it stand apart."""
    left, top, width, height = box
    trim = min(TRIMMED * height * aspect, width / 4)
    return left + trim, top, width - 2 * trim, height


def _usual_height(lines: Sequence[TextRead]) -> float:
    """Return the height of most letters' lines: a page may have few lines, and headings among them."""
    heights = sorted((read.box[3], len(read.text)) for read in lines)
    half, seen = sum(letters for _, letters in heights) / 2, 0
    for height, letters in heights:
        seen += letters
        if seen >= half:
            return height
    return 0.0


def _size(read: TextRead, usual: float) -> float:
    """Return how large a line's letters are beside those of most lines, in steps: boxes are not exact."""
    _, _, width, height = read.box
    larger = height / usual if usual and height < width else 1.0
    numbered = _is_numbered(read.text)
    if larger < (LARGE_NUMBERED if numbered else LARGE) or is_caption(read.text):
        return 1.0
    return max(round(larger * 2) / 2, NUMBERED_SIZE if numbered else 1.0)


def _is_numbered(text: str) -> bool:
    """Tell a numbered title from a step of instructions, which ends as sentences do."""
    is_title = len(text) <= NUMBERED_CHARACTERS_MAX and not text.endswith((".", ",", ";", ":"))
    return is_title and bool(_NUMBERED.match(text))


def _levelled(block: Block) -> Block:
    """Return a numbered heading with the level that its number says: sizes of letters compare on one page only."""
    number = _NUMBERED.match(block.text) if block.kind == "heading" else None
    return replace(block, level=number[1].count(".") + 1) if number else block


def _ordered(lines: Sequence[PageLine], depth: int) -> Iterator[PageLine]:
    gutter = _gutter(lines) if depth else None
    if gutter is None:
        yield from chain.from_iterable(_rows(lines))
        return
    for crosses, band in _bands(lines, gutter):
        if crosses:
            yield from _ordered(band, depth - 1)
        else:
            yield from _ordered([line for line in band if _centre(line) <= gutter], depth - 1)
            yield from _ordered([line for line in band if _centre(line) > gutter], depth - 1)


def _gutter(lines: Sequence[PageLine]) -> float | None:
    """Return the x between two columns at which fewest lines cross, in the middle of several; None without any."""
    crossings: dict[float, int] = {}
    running = [line for row in _rows(lines) if not _is_of_table(row) for line in row]
    for place in range(1, GUTTERS):
        x = place / GUTTERS
        crossing = sum(_crosses(line, x) for line in running)
        if crossing <= CROSSING_MAX * len(running) and _parts_columns(running, x):
            crossings[x] = crossing
    if not crossings:
        return None
    fewest = min(crossings.values())
    best = [x for x, crossing in crossings.items() if crossing == fewest]
    return best[len(best) // 2]


def _parts_columns(lines: Sequence[PageLine], x: float) -> bool:
    beside = [line for line in lines if not _crosses(line, x)]
    left = [line for line in beside if _centre(line) <= x]
    right = [line for line in beside if _centre(line) > x]
    return _is_column(left) and _is_column(right) and _side_by_side(left, right) and _apart(left, right)


def _apart(left: Sequence[PageLine], right: Sequence[PageLine]) -> bool:
    return statistics.median(line.right for line in left) < statistics.median(line.left for line in right)


def _is_column(lines: Sequence[PageLine]) -> bool:
    if len(lines) < COLUMN_LINES_MIN:
        return False
    widths = sorted(line.box[2] for line in lines)
    wide = widths[-1 - len(widths) // 10]  # headings may be wider
    characters = statistics.median(len(line.text) for line in lines)
    return characters >= COLUMN_CHARACTERS and statistics.median(widths) >= COLUMN_FILLED * wide


def _side_by_side(left: Sequence[PageLine], right: Sequence[PageLine]) -> bool:
    """Whether lines on both sides share some height of the page."""
    top = max(min(line.top for line in left), min(line.top for line in right))
    bottom = min(max(line.bottom for line in left), max(line.bottom for line in right))
    return bottom - top > min(line.height for line in left)


def _bands(lines: Sequence[PageLine], gutter: float) -> Iterator[tuple[bool, list[PageLine]]]:
    """Yield, from top to bottom, runs of lines that cross the gutter, and of lines that do not."""
    band: list[PageLine] = []
    crosses = False
    for row in _rows(lines):
        here = _is_of_table(row) or any(_crosses(line, gutter) for line in row)
        if here != crosses and band:
            yield crosses, band
            band = []
        crosses = here
        band += row
    if band:
        yield crosses, band


def _crosses(line: PageLine, x: float) -> bool:
    """Whether a line goes on to both sides by a good part of it: seen from aside, columns lean."""
    return min(x - line.left, line.right - x) > LEANING * line.box[2]


def _is_of_table(row: Sequence[PageLine]) -> bool:
    letters = statistics.median(len(cell.text) for cell in row)
    return len(row) >= CELLS_MIN and letters < COLUMN_CHARACTERS


def _rows(lines: Sequence[PageLine]) -> Iterator[list[PageLine]]:
    """Yield lines that lie beside each other, from left to right."""
    row: list[PageLine] = []
    for line in sorted(lines, key=_middle):
        if row and _middle(line) > statistics.fmean(one.bottom - one.height / 4 for one in row):
            yield sorted(row, key=lambda one: one.left)
            row = []
        row.append(line)
    if row:
        yield sorted(row, key=lambda one: one.left)


def _centre(line: PageLine) -> float:
    return line.left + line.box[2] / 2


def _middle(line: PageLine) -> float:
    return line.top + line.height / 2


def _without_hyphens(lines: Sequence[PageLine]) -> list[PageLine]:
    """Leave out hyphens where a word goes on in the next line."""
    following = [*lines[1:], None]
    return [
        replace(line, text=line.text[:-1], hyphenated=True) if after and _goes_on(line, after) else line
        for line, after in zip(lines, following, strict=True)
    ]


def _goes_on(line: PageLine, after: PageLine) -> bool:
    return line.text[-1:] in ("-", "\u2010") and line.text[-2:-1].isalpha() and after.text[:1].islower()


def _parts(lines: Sequence[PageLine], usual: float) -> list[list[PageLine]]:
    """Part lines where there is more white than usual between them; not within rows, which may be a table's."""
    gaps = [after.top - line.bottom for line, after in pairwise(lines)]
    near = [gap for gap in gaps if abs(gap) < usual]
    most = (statistics.median(near) if near else 0.0) + PARAGRAPH_GAP * usual
    parts = [[lines[0]]]
    for line, after, gap in zip(lines, lines[1:], gaps, strict=False):
        if gap > most and abs(line.left - after.left) < usual:
            parts.append([])
        parts[-1].append(after)
    return parts


def on_picture(box: Box, found: LinesOfPage, size: tuple[int, int]) -> Box:
    """Return the rectangle, on the picture as it was given, around a box of the page that was laid straight."""
    places = corners_on_picture(box, found, size)
    (low_x, high_x), (low_y, high_y) = (_clipped(values) for values in zip(*places, strict=True))
    return low_x, low_y, round(high_x - low_x, 4), round(high_y - low_y, 4)


def corners_on_picture(box: Box, found: LinesOfPage, size: tuple[int, int]) -> list[tuple[float, float]]:
    """Return where the corners of a box of the straight page lie on the picture: left upper and lower, then right."""
    width, height = upright_size(found, size)
    left, top, across, down = box
    corners = ((x, y) for x in (left, left + across) for y in (top, top + down))
    lying = (found.lie.lying((x - 0.5, (y - 0.5) * height / width)) for x, y in corners)
    return [_unturned((x + 0.5, y * width / height + 0.5), found.turned) for x, y in lying]


def among_lines(box: Box, level: LinesOfPage, found: LinesOfPage, size: tuple[int, int]) -> Box:
    """Return where a box of the `level` page stands on the one that was laid straight as all lines tell."""
    width, height = upright_size(found, size)
    left, top, across, down = box
    aspect = height / width
    corners = ((x - 0.5, (y - 0.5) * aspect) for x in (left, left + across) for y in (top, top + down))
    places = [found.lie.straight(level.lie.lying(corner)) for corner in corners]
    xs, ys = [x + 0.5 for x, _ in places], [y / aspect + 0.5 for _, y in places]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def _unturned(point: tuple[float, float], turned: int) -> tuple[float, float]:
    x, y = point
    return {0: (x, y), 90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}[turned]


def _clipped(values: Sequence[float]) -> tuple[float, float]:
    return round(min(max(min(values), 0.0), 1.0), 4), round(min(max(*values, 0.0), 1.0), 4)
