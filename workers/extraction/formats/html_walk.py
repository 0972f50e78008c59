"""The walk over a page's elements: what begins, what ends, and the words between."""

from __future__ import annotations

import enum
import re
from collections import Counter
from typing import TYPE_CHECKING

from workers.extraction.formats.html_facts import PageFacts
from workers.extraction.formats.html_pieces import HtmlCell, HtmlFigure, HtmlTable, Words
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workers.extraction.formats.html_pictures import Pictures
    from workers.extraction.formats.html_pieces import HtmlPicture, Piece

DEPTH_MAX = 10_000
"""Elements inside elements. libxml2 looks through all that are open at each end tag that ends none of them."""
TABLES_DEEP_MAX = 16
SPAN_MAX = 1_000
_SPACES = re.compile(r"\s+")
_HIDDEN = re.compile(r"(?i)display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all")
_LINK_TO_ITSELF = "¶🔗 "
_TABLES_PARTS = "table caption thead tbody tfoot tr td th"
_HEADINGS_TAGS = "h1 h2 h3 h4 h5 h6"
_NEVER_TAGS = (
    "script style title template noscript canvas iframe frame embed applet audio video map select datalist input "
    "textarea annotation annotation-xml rp rt desc metadata defs symbol"
)
_BLOCKS_TAGS = (
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form header hgroup hr html legend li main menu nav ol optgroup p pre search section summary ul"
)
_AROUND_ROLES_NAMES = "navigation banner contentinfo search complementary menu menubar"
_HEADINGS = {tag: level for level, tag in enumerate(_HEADINGS_TAGS.split(), 1)}
_NEVER = frozenset(_NEVER_TAGS.split())
_BLOCKS = frozenset(f"{_BLOCKS_TAGS} {_TABLES_PARTS} {_HEADINGS_TAGS}".split())
_AROUND = frozenset({"nav", "aside"})
_AROUND_UNLESS_INSIDE = frozenset({"header", "footer"})
_AROUND_NAMES = frozenset({"sidebar", "sphinxsidebar", "sidemenu", "navbar", "breadcrumb", "breadcrumbs"})
"""How pages name their menus that have no elements for them. Not `menu`: a restaurant's page is one."""
_AROUND_ROLES = frozenset(_AROUND_ROLES_NAMES.split())
_TABLES = frozenset({"table", "tr", "td", "th"})
_INSIDE_TEXT = frozenset({"br", "li", "img", "image"})
_HEADS = frozenset({"html", "meta", "link", "base"})
_REFERENCE = frozenset({"a", "sup"})
"""A small number that leads to a footnote is no part of the word before it; m² is one."""
_CELLS = frozenset({"td", "th"})
_LISTS = frozenset({"ul", "ol", "menu", "dir"})


class Mode(enum.Enum):
    """What is left out besides scripts: menus and the like of web pages; books' tables of contents; what is hidden."""

    PAGE = "page"
    BOOK = "book"
    HIDDEN = "hidden"
    NOTHING = "nothing"


class Walk:
    """Collects the pieces of a page in their order. lxml's parser calls `start`, `data`, `end` and `close`."""

    def __init__(self, pictures: Pictures, mode: Mode) -> None:
        self.facts = PageFacts()
        self.pieces: list[Piece] = []
        self._pictures = pictures
        self._mode = mode
        self._open: Counter[str] = Counter()
        self._depth = 0
        self._left_out = 0
        """How many elements are open from one that is left out on."""
        self._caught: list[str] | None = None
        self._words: list[str] = []
        self._waiting: list[HtmlPicture] = []
        self._lists: list[int | None] = []
        self._mark = ""
        self._figures: list[HtmlFigure] = []
        self._sinks = [self.pieces]
        self._tables: list[HtmlTable] = []
        self._flat_tables = 0
        self._main_depth = 0
        self._main = (0, 0)

    def main_pieces(self) -> Sequence[Piece]:
        """Return the pieces in the page's `main`, where it has most of them; else all."""
        inside = self.pieces[slice(*self._main)]
        return inside if self._mode is Mode.PAGE and 2 * len(inside) >= len(self.pieces) else self.pieces

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take note of an element that begins. Raises FileError `file.too_much`."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise FileError("file.too_much/nesting", limit=DEPTH_MAX)
        if self._left_out or self._is_left_out(tag, attributes):
            if not self._left_out:
                self._catch(tag, attributes)
            self._left_out += 1
            return
        if tag in _BLOCKS:
            self._flush()
        self._open[tag] += 1
        self._begin(tag, attributes)

    def data(self, text: str) -> None:
        """Take note of text."""
        if self._caught is not None:
            self._caught.append(text)
        elif not self._left_out:
            self._words.append(text if self._open["pre"] else _SPACES.sub(" ", text))

    def end(self, tag: str) -> None:
        """Take note of an element that ends."""
        self._depth -= 1
        if self._left_out:
            self._left_out -= 1
            if not self._left_out and self._caught is not None:
                self._deliver(tag)
            return
        if tag in _BLOCKS:
            self._flush()
        self._open[tag] -= 1
        self._finish(tag)

    def close(self) -> Walk:
        """End the page."""
        self._flush()
        return self

    def _is_left_out(self, tag: str, attributes: Mapping[str, str]) -> bool:
        if tag in _NEVER or (tag == "button" and not self._level()) or (tag == "text" and self._open["svg"]):
            return True
        if self._mode is Mode.NOTHING:
            return False
        if _is_hidden(attributes):
            return True
        if self._mode is Mode.BOOK:
            return tag == "nav"
        return self._mode is Mode.PAGE and self._is_around(tag, attributes)

    def _is_around(self, tag: str, attributes: Mapping[str, str]) -> bool:
        """Tell what stands around a page's text: menus, the site's head and foot, what goes with other pages."""
        if tag in _AROUND_UNLESS_INSIDE:
            return not (self._open["article"] or self._open["main"])
        if tag in _AROUND or attributes.get("role", "").lower() in _AROUND_ROLES:
            return True
        names = f"{attributes.get('id', '')} {attributes.get('class', '')}".lower().split()
        return tag in ("div", "ul", "ol", "td") and not _AROUND_NAMES.isdisjoint(names)

    def _catch(self, tag: str, attributes: Mapping[str, str]) -> None:
        is_title = tag == "title" and not self._open["svg"]
        is_linked_data = tag == "script" and "ld+json" in attributes.get("type", "")
        self._caught = [] if is_title or is_linked_data else None

    def _deliver(self, tag: str) -> None:
        text, self._caught = "".join(self._caught or ()), None
        if tag == "script":
            self.facts.add_linked_data(text)
        elif not self.facts.title:
            self.facts.title = text

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _LISTS:
            self._lists.append(_number(attributes.get("start"), 1) - 1 if tag == "ol" else None)
        elif tag == "figure":
            self._figures.append(HtmlFigure())
        elif tag in _TABLES:
            self._begin_table_part(tag, attributes)
        elif tag in _INSIDE_TEXT:
            self._inside_text(tag, attributes)
        elif tag in _HEADS:
            self._head(tag, attributes)
        elif tag in _REFERENCE and all(self._open[part] for part in _REFERENCE):
            self._words.append(" ")
        if (tag == "main" or attributes.get("role") == "main") and not self._main_depth:
            self._begin_main()

    def _begin_main(self) -> None:
        if len(self._sinks) == 1:
            self._main_depth, self._main = self._depth, (len(self.pieces), len(self.pieces))

    def _inside_text(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "br":
            self._words.append("\n")
        elif tag == "li":
            self._item(attributes)
        else:
            self._picture(attributes)

    def _head(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "html":
            self.facts.language = attributes.get("lang") or attributes.get("xml:lang") or self.facts.language
        elif tag == "meta":
            self.facts.add_meta(attributes)
        elif tag == "link" and attributes.get("rel") == "canonical":
            self.facts.add("canonical", attributes.get("href", ""))
        elif tag == "base" and "//" in attributes.get("href", ""):
            self._pictures.beside = False

    def _picture(self, attributes: Mapping[str, str]) -> None:
        values = dict(attributes)
        values.setdefault("src", values.get("xlink:href") or values.get("href") or "")
        said = values.get("alt") or values.get("title") or ""
        found = self._pictures.found(values, said)
        if found:
            self._waiting.append(found)
            if self._figures:
                self._figures[-1].pictures.append(found)
        elif said:
            self._words.append(f" {said} ")

    def _item(self, attributes: Mapping[str, str]) -> None:
        self._mark = "• "
        if self._lists and self._lists[-1] is not None:
            self._lists[-1] = _number(attributes.get("value"), self._lists[-1] + 1)
            self._mark = f"{self._lists[-1]}. "

    def _begin_table_part(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "table":
            self._begin_table(attributes)
        elif not self._tables or self._flat_tables:
            return
        elif tag == "tr":
            self._tables[-1].rows.append([])
            self._tables[-1].heads += bool(self._open["thead"])
        elif tag in _CELLS:
            self._begin_cell(tag, attributes)

    def _begin_table(self, attributes: Mapping[str, str]) -> None:
        if len(self._tables) >= TABLES_DEEP_MAX:
            self._flat_tables += 1
            return
        if self._tables:
            self._tables[-1].is_layout = True
        self._tables.append(HtmlTable(is_layout=attributes.get("role") in ("presentation", "none")))
        self._sinks.append(self._tables[-1].loose)

    def _begin_cell(self, tag: str, attributes: Mapping[str, str]) -> None:
        columns, rows = (
            min(max(_number(attributes.get(name), 1), 1), SPAN_MAX) for name in ("colspan", "rowspan")
        )
        cell = HtmlCell(tag == "th", columns, rows)
        if not self._tables[-1].rows:
            self._tables[-1].rows.append([])
        self._tables[-1].rows[-1].append(cell)
        self._sinks.append(cell.pieces)

    def _finish(self, tag: str) -> None:
        if tag in _LISTS:
            self._lists.pop()
        elif tag == "li":
            self._mark = ""
        elif tag == "figure":
            self._finish_figure()
        elif tag == "table":
            self._finish_table()
        elif tag in _CELLS and self._tables and not self._flat_tables:
            self._sinks.pop()
        if self._depth + 1 == self._main_depth:
            self._main, self._main_depth = (self._main[0], len(self.pieces)), -1

    def _finish_figure(self) -> None:
        """Give a caption to the figure's own pictures; a figure inside a figure may have one of its own."""
        figure = self._figures.pop()
        for picture in figure.pictures:
            picture.caption = picture.caption or " ".join(figure.words)
        if self._figures:
            self._figures[-1].pictures += [picture for picture in figure.pictures if not picture.caption]

    def _finish_table(self) -> None:
        if self._flat_tables:
            self._flat_tables -= 1
            return
        self._sinks.pop()
        self._sinks[-1].append(self._tables.pop())

    def _level(self) -> int:
        return next((level for tag, level in _HEADINGS.items() if self._open[tag]), 0)

    def _flush(self) -> None:
        """End the paragraph or heading that is under way; its pictures come behind it."""
        text = "".join(self._words).strip()
        self._words.clear()
        level = self._level()
        if level:
            text = text.rstrip(_LINK_TO_ITSELF)
        if text:
            self._sinks[-1].append(Words(self._mark + text, level))
            if self._figures and self._open["figcaption"]:
                self._figures[-1].words.append(text)
            self._mark = ""
        self._sinks[-1] += self._waiting
        self._waiting.clear()


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    return (
        ("hidden" in attributes and attributes["hidden"] != "until-found")
        or attributes.get("aria-hidden") == "true"
        or bool(_HIDDEN.search(attributes.get("style", "")))
    )


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else otherwise
