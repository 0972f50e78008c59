"""The lines of a PDF's page: their words, their place on the upright page, the size of their letters."""

from __future__ import annotations

import ctypes
import re
from contextlib import closing
from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium_c

from workers.extraction.lines import PageLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pypdfium2 as pdfium

    from workers.extraction.types import Box

_LINE = re.compile(r"[^\r\n]+")
_SPACE = re.compile(r"(?<=\S)[ \t]+(?=\S)")
_SPACE_BETWEEN = re.compile(r"(?<=\S\S) (?=\S)")
_NO_SPACE = "\x01"
LETTERS_APART = 1.3
"""Words are parted by more than this many times the gap between the letters before it."""
_HYPHEN = "\ufffe"
"""Stands, with PDFium, where a line ends within a word."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
GAP_LETTERS = 1.5
"""A wider gap between words than this many letters' size parts the cells of a row."""
_SIZE_MIN = 4.0
_SCALE = 100_000
"""PDFium maps points of a page to whole pixels: so many make the page's width, for exact fractions."""


def lines_of(page: pdfium.PdfPage) -> list[PageLine]:
    """Return the lines in the order in which the page draws them, which is nearly always the order of reading.

    What stands far apart on one line, as the cells of a table do, is a line each.
    """
    with closing(page.get_textpage()) as textpage:
        characters = textpage.get_text_range(errors="ignore") if textpage.count_chars() else ""
        characters = _SPACE_BETWEEN.sub(lambda space: _judged(textpage, space), characters)
        pieces = (
            piece
            for match in _LINE.finditer(characters)
            for piece in _pieces(textpage, match[0], match.start())
        )
        found = (_line(page, textpage, written, start) for written, start in pieces)
        return [line for line in found if line is not None]


def _judged(textpage: pdfium.PdfTextPage, space: re.Match[str]) -> str:
    """Return a space; a mark that is no character where PDFium took letters that are set wide apart for two words."""
    place = space.start()
    if not pdfium_c.FPDFText_IsGenerated(textpage, place):
        return " "
    letters = _gap(textpage, place - 2, place - 1)
    return _NO_SPACE if 0 < _gap(textpage, place - 1, place + 1) <= LETTERS_APART * letters else " "


def _pieces(textpage: pdfium.PdfTextPage, written: str, start: int) -> Iterator[tuple[str, int]]:
    """Yield what stands between the wide gaps of a line, and where it begins among the page's characters."""
    size = float(pdfium_c.FPDFText_GetFontSize(textpage, start))
    begin = 0
    for space in _SPACE.finditer(written):
        if _gap(textpage, start + space.start() - 1, start + space.end()) > GAP_LETTERS * max(
            size, _SIZE_MIN
        ):
            yield written[begin : space.start()], start + begin
            begin = space.end()
    yield written[begin:], start + begin


def _gap(textpage: pdfium.PdfTextPage, before: int, after: int) -> float:
    """Return how far apart two characters are, in points, along whichever way the line runs."""
    left, bottom, right, top = textpage.get_charbox(before)
    next_left, next_bottom, next_right, next_top = textpage.get_charbox(after)
    gap: float = max(next_left - right, left - next_right, next_bottom - top, bottom - next_top)
    return gap


def _line(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage, written: str, start: int) -> PageLine | None:
    text = " ".join(_CONTROLS.sub("", written).split())
    if not text:
        return None
    box = _box_of(page, textpage, start, len(written))
    if box is None:
        return None
    size = float(pdfium_c.FPDFText_GetFontSize(textpage, start + len(written) // 2))
    return PageLine(text, box, _seen_size(page, box, size), hyphenated=written.rstrip().endswith(_HYPHEN))


def _seen_size(page: pdfium.PdfPage, box: Box, said: float) -> float:
    """Return the size of letters as they are seen: fonts of size 1 are scaled up by the page."""
    width, height = page.get_size()
    seen: float = min(box[3] * height, box[2] * width)
    return round(said if seen / 3 < said < seen * 3 else seen, 1)


def _box_of(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage, start: int, count: int) -> Box | None:
    rectangles = textpage.count_rects(start, count)
    corners = []
    for index in range(rectangles):
        left, bottom, right, top = textpage.get_rect(index)
        corners += [(left, bottom), (right, top)]
    return box_around(page, corners) if corners else None


def box_around(page: pdfium.PdfPage, corners: list[tuple[float, float]]) -> Box | None:
    """Return the box around points of the page's own space, as fractions of the upright page; None if outside."""
    seen = [_seen(page, x, y) for x, y in corners]
    left, right = max(min(x for x, _ in seen), 0.0), min(max(x for x, _ in seen), 1.0)
    top, bottom = max(min(y for _, y in seen), 0.0), min(max(y for _, y in seen), 1.0)
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None


def _seen(page: pdfium.PdfPage, x: float, y: float) -> tuple[float, float]:
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium_c.FPDF_PageToDevice(page, 0, 0, _SCALE, _SCALE, 0, x, y, across, down)
    return across.value / _SCALE, down.value / _SCALE
