"""From a document's lines to its headings, paragraphs and rows of tables.

A heading is a line of larger letters than the document's most, or one that a bookmark names. Cells of one row lie
beside each other; such rows below each other, with cells at the same places, are a table. What stands at the same place
on most pages, such as a running title, is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from workers.extraction.types import CELLS_BETWEEN, LEVELS_MAX, Block

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from workers.extraction.lines import PageLine
    from workers.extraction.types import Box

HEADING_SCALE = 1.15
HEADING_CHARACTERS_MAX = 200
SAME_SIZE = 0.1
"""Letters of one paragraph differ by less than this share."""
GAP_LINES = 0.9
"""More white than this many lines' heights parts two paragraphs."""
ALIGNED = 0.02
"""Cells of a column begin within this share of the page's width."""
RUNNING_SHARE, RUNNING_PAGES_MIN, RUNNING_EDGE = 0.5, 4, 0.1

_LEADERS = re.compile(r"(?:[ .]\.){3}[ .]*\w*$")
"""How a line of a table of contents ends, which is no heading however large it is."""
_DIGITS = re.compile(r"\d+")
_HAS_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class PageText:
    """The lines of a page."""

    number: int
    lines: Sequence[PageLine]


def blocks_of(pages: Sequence[PageText], bookmarks: Mapping[tuple[int, str], int]) -> tuple[Block, ...]:
    """Return the document's blocks; `bookmarks`: levels by page and folded words."""
    kept = _without_running(pages)
    levels = _levels(kept)
    return tuple(block for page in kept for block in _page_blocks(page, levels, bookmarks))


def _without_running(pages: Sequence[PageText]) -> list[PageText]:
    """Leave out what stands at the same edge of at least half of the pages, its numbers aside.

    Where most pages would be empty without it, such as labels with a number each, it is what they say.
    """
    if len(pages) < RUNNING_PAGES_MIN:
        return list(pages)
    seen = Counter(key for page in pages for key in {*map(_running, page.lines)} if key)
    often = {key for key, count in seen.items() if count >= RUNNING_SHARE * len(pages)}
    without = [
        PageText(page.number, [line for line in page.lines if _running(line) not in often]) for page in pages
    ]
    emptied = sum(bool(page.lines) and not kept.lines for page, kept in zip(pages, without, strict=True))
    return list(pages) if emptied >= RUNNING_SHARE * len(pages) else without


def _running(line: PageLine) -> tuple[str, int] | None:
    """Return what is alike in a line that runs through the pages; None away from the upper and lower edge."""
    at_edge = line.bottom < RUNNING_EDGE or line.top > 1 - RUNNING_EDGE
    return (_DIGITS.sub("#", line.text), round(line.top * 50)) if at_edge and not line.is_value else None


def _levels(pages: Sequence[PageText]) -> dict[float, int]:
    """Return the level of each size of letters that is a heading's: the largest is 1."""
    characters: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            characters[line.size] += len(line.text)
    if not characters:
        return {}
    usual = characters.most_common(1)[0][0]
    larger = sorted((size for size in characters if size >= HEADING_SCALE * usual), reverse=True)
    return {size: min(level, LEVELS_MAX) for level, size in enumerate(larger, start=1)}


def _page_blocks(
    page: PageText, levels: Mapping[float, int], bookmarks: Mapping[tuple[int, str], int]
) -> Iterator[Block]:
    rows = list(_rows(page.lines))
    for is_table, group in groupby(_tables(rows), key=lambda one: one[0]):
        found = [row for _, row in group]
        if is_table:
            yield from _table_blocks(found, page.number)
        else:
            yield from _text_blocks([line for row in found for line in row], page.number, levels, bookmarks)


def _rows(lines: Sequence[PageLine]) -> Iterator[list[PageLine]]:
    """Yield lines that follow each other and lie beside each other, from left to right."""
    row: list[PageLine] = []
    for line in lines:
        if row and not _beside(row[-1], line):
            yield row
            row = []
        row.append(line)
    if row:
        yield row


def _beside(one: PageLine, other: PageLine) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared > 0.5 * min(one.height, other.height) and other.left >= one.right


def _tables(rows: Sequence[list[PageLine]]) -> Iterator[tuple[int, list[PageLine]]]:
    """Yield each row with the number of its table, 0 where it is none: two rows of like columns make one."""
    table = 0
    for index, row in enumerate(rows):
        above = index > 0 and _same_columns(rows[index - 1], row)
        below = index + 1 < len(rows) and _same_columns(row, rows[index + 1])
        if not above and below:
            table += 1
        yield (table if above or below else 0), row


def _same_columns(one: list[PageLine], other: list[PageLine]) -> bool:
    """Tell whether two rows have two or more cells, most of them at the same places."""
    if min(len(one), len(other)) < 2:
        return False
    common = sum(any(_aligned(cell, under) for under in other) for cell in one)
    return common >= max(2, min(len(one), len(other)) - 1)


def _aligned(one: PageLine, other: PageLine) -> bool:
    return abs(one.left - other.left) < ALIGNED or abs(one.right - other.right) < ALIGNED


def _table_blocks(rows: Sequence[list[PageLine]], page: int) -> Iterator[Block]:
    """Yield a block for each row, its cells behind their columns' names where the first row holds names."""
    names = [cell.text for cell in rows[0]]
    has_names = len(rows) > 1 and not any(_HAS_DIGIT.search(name) for name in names)
    for row in rows[1:] if has_names else rows:
        cells = [_named(cell, rows[0]) if has_names else cell.text for cell in row]
        yield Block("row", CELLS_BETWEEN.join(cells), page=page, box=_around(row))


def _named(cell: PageLine, header: Sequence[PageLine]) -> str:
    name = next((one.text for one in header if _aligned(one, cell)), "")
    return f"{name}: {cell.text}" if name else cell.text


def _text_blocks(
    lines: Sequence[PageLine],
    page: int,
    levels: Mapping[float, int],
    bookmarks: Mapping[tuple[int, str], int],
) -> Iterator[Block]:
    for paragraph in _paragraphs(lines, levels):
        text = _joined(paragraph)
        level = bookmarks.get((page, text.casefold())) or levels.get(paragraph[0].size, 0)
        if level and len(text) <= HEADING_CHARACTERS_MAX and not _LEADERS.search(text):
            yield Block("heading", text, level, page, _around(paragraph))
        else:
            yield Block("text", text, 0, page, _around(paragraph))


def _paragraphs(lines: Sequence[PageLine], levels: Mapping[float, int]) -> Iterator[list[PageLine]]:
    paragraph: list[PageLine] = []
    for line in lines:
        if paragraph and not _goes_on(paragraph[-1], line, levels):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def _goes_on(before: PageLine, line: PageLine, levels: Mapping[float, int]) -> bool:
    """Tell whether a line continues the one before: as large, close below it, or beside it."""
    if before.is_value or line.is_value or (before.size in levels) != (line.size in levels):
        return False
    if abs(before.size - line.size) > SAME_SIZE * max(before.size, line.size):
        return False
    if _beside(before, line):
        return True
    gap = line.top - before.bottom
    shares = min(before.right, line.right) > max(before.left, line.left)
    return shares and -0.5 * line.height < gap < GAP_LINES * max(before.height, line.height)


def _joined(lines: Sequence[PageLine]) -> str:
    text = ""
    for line in lines:
        text += line.text
        if line.hyphenated:
            continue
        text += " "
    return text.strip()


def _around(lines: Sequence[PageLine]) -> Box:
    left, top = min(line.left for line in lines), min(line.top for line in lines)
    right, bottom = max(line.right for line in lines), max(line.bottom for line in lines)
    return left, top, right - left, bottom - top
