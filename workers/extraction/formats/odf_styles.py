"""OpenDocument's styles: names of paragraphs, how lists count, which sheets are hidden, how large pages are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.extraction.formats.docx_numbering import written
from workers.extraction.formats.odf_names import DRAW, FO, PRESENTATION, STYLE, TABLE, TEXT, count_of

if TYPE_CHECKING:
    from lxml.etree import _Element

    from workers.extraction.formats.odf import OdfPackage

BASES_MAX = 20
_NAME = f"{STYLE}name"
_LENGTH = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)(cm|mm|in|pt|pc|px)")
_POINTS = {"cm": 72 / 2.54, "mm": 72 / 25.4, "in": 72.0, "pt": 1.0, "pc": 12.0, "px": 0.75}
_FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman", "1": "decimal"}


@dataclass(frozen=True)
class OdfListLevel:
    """How the items of a list are marked: by numbers in a form between two texts, or by a bullet."""

    form: str = ""
    before: str = ""
    behind: str = ""
    start: int = 1

    def label(self, count: int) -> str:
        """Return what stands before the item with this number from 0."""
        if not self.form:
            return "•"
        return f"{self.before}{written(self.start + count, self.form)}{self.behind}"


class OdfStyles:
    """The styles of a document by their names."""

    def __init__(self, package: OdfPackage) -> None:
        roots = [root for root in (package.styles, package.content) if root is not None]

        def named(tag: str) -> dict[str, _Element]:
            return {one.get(_NAME, ""): one for root in roots for one in root.iter(tag)}

        self._styles, self._masters = named(f"{STYLE}style"), named(f"{STYLE}master-page")
        self._layouts = named(f"{STYLE}page-layout")
        lists = named(f"{TEXT}list-style")
        self._lists = {
            (name, level): marks for name, one in lists.items() for level, marks in _levels(one).items()
        }

    def names(self, name: str) -> frozenset[str]:
        """Return what a style and those above it are called, in small letters."""
        found: set[str] = set()
        for _ in range(BASES_MAX):
            style = self._styles.get(name)
            found.add((name if style is None else style.get(f"{STYLE}display-name", name)).lower())
            name = "" if style is None else style.get(f"{STYLE}parent-style-name", "")
            if not name:
                break
        return frozenset(found)

    def list_level(self, name: str, level: int) -> OdfListLevel:
        """Return how a list of a style marks its items at a level from 1."""
        return self._lists.get((name, level), OdfListLevel())

    def is_hidden(self, element: _Element) -> bool:
        """Tell whether a sheet or slide is hidden by its style."""
        style = self._styles.get(element.get(f"{TABLE}style-name") or element.get(f"{DRAW}style-name", ""))
        for properties in () if style is None else style:
            if properties.get(f"{TABLE}display") == "false":
                return True
            if properties.get(f"{PRESENTATION}visibility") == "hidden":
                return True
        return False

    def page_size(self, master: str) -> tuple[float, float]:
        """Return width and height in points of the pages of a master; zeros where it does not say."""
        layout = self._masters.get(master)
        properties = None if layout is None else self._layouts.get(layout.get(f"{STYLE}page-layout-name", ""))
        found = None if properties is None else properties.find(f"{STYLE}page-layout-properties")
        return (0.0, 0.0) if found is None else (_points(found, "page-width"), _points(found, "page-height"))


def _levels(style: _Element) -> dict[int, OdfListLevel]:
    levels = {}
    for one in style.iterfind(f"{TEXT}list-level-style-number"):
        form = one.get(f"{STYLE}num-format", "")
        levels[count_of(one, f"{TEXT}level")] = OdfListLevel(
            _FORMS.get(form, "decimal") if form else "none",
            one.get(f"{STYLE}num-prefix", ""),
            one.get(f"{STYLE}num-suffix", ""),
            count_of(one, f"{TEXT}start-value"),
        )
    return levels


def _points(element: _Element, side: str) -> float:
    found = _LENGTH.fullmatch(element.get(f"{FO}{side}", ""))
    return round(float(found[1]) * _POINTS[found[2]], 1) if found else 0.0
