"""HTML as headings, paragraphs, list items, rows of tables and figures: of pages, books, mails and Markdown.

The page is never built up as a tree: the parser says what begins and ends, and the walk keeps a list of what it found.
So neither deep nor long pages take more than their own size, and nothing in them is run, fetched or expanded.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from lxml import etree

from workers.extraction.formats.html_emission import emit
from workers.extraction.formats.html_pieces import Words
from workers.extraction.formats.html_walk import Mode, Walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers.extraction.draft import Draft
    from workers.extraction.formats.html_facts import PageFacts
    from workers.extraction.formats.html_pictures import Pictures
    from workers.extraction.formats.html_pieces import Piece

_CHUNK_CHARACTERS = 1 << 16
_WRITTEN_SHORT = re.compile(
    r"<(?!(?:br|hr|img|meta|link|input|col|wbr|area|base)\b)([A-Za-z][\w:.-]*+)([^<>]*+)(?<=/)>"
)


def read_html(text: str, draft: Draft, pictures: Pictures, mode: Mode, label: str = "") -> PageFacts:
    """Add what a page holds to the draft; return what it says of itself. Raises FileError `file.too_much`.

    `label`: what the page is called elsewhere; its heading, where it has none.
    """
    walk = _walked(text, pictures, mode)
    if (
        not walk.pieces and mode is not Mode.BOOK
    ):  # a page that is all menu, or hidden until a script shows it
        walk = _walked(text, pictures, Mode.NOTHING)
    emit(_labelled(walk.main_pieces(), label), draft)
    return walk.facts


def read_xhtml(text: str, draft: Draft, pictures: Pictures, mode: Mode, label: str = "") -> PageFacts:
    """Do the same for XHTML, where any empty element may be written short: `<title/>`, `<a id="x"/>`.

    It is read as HTML nevertheless: so it may have errors, and no entity that it declares is ever expanded.
    """
    written_out = _WRITTEN_SHORT.sub(lambda found: f"<{found[1]}{found[2][:-1]}></{found[1]}>", text)
    return read_html(written_out, draft, pictures, mode, label)


def _labelled(pieces: Sequence[Piece], label: str) -> Sequence[Piece]:
    words = [piece for piece in pieces if isinstance(piece, Words)]
    if not label or not words or any(piece.level for piece in words):
        return pieces
    if words[0].text.casefold() != label.casefold():
        return [Words(label, 1), *pieces]
    return [Words(piece.text, 1) if piece is words[0] else piece for piece in pieces]


def _walked(text: str, pictures: Pictures, mode: Mode) -> Walk:
    walk = Walk(pictures, mode)
    parser = etree.HTMLParser(
        target=walk, encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True
    )
    for at in range(0, len(text), _CHUNK_CHARACTERS):
        parser.feed(text[at : at + _CHUNK_CHARACTERS].encode(errors="replace"))
    with suppress(etree.XMLSyntaxError):  # there is nothing in it
        parser.close()
    return walk
