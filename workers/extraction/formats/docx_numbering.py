"""The numbers and bullets that Word puts before paragraphs: they stand in no text, so they are counted here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workers.extraction.formats.docx_names import VALUE, W
from workers.extraction.formats.docx_styles import number

if TYPE_CHECKING:
    from lxml.etree import _Element

    from workers.extraction.formats.docx_styles import WordStyles

LEVELS = 9
_PLACE = re.compile(r"%(\d)")
_LETTERS = 26
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


class WordNumbering:
    """Counts the paragraphs of each list."""

    def __init__(self, root: _Element | None, styles: WordStyles) -> None:
        self._styles = styles
        self._abstract: dict[str, _Element] = {}
        self._lists: dict[str, _Element] = {}
        self._counts: dict[str, list[int | None]] = {}
        self._known: dict[str, tuple[str, dict[int, _Element]]] = {}
        self._begun: set[str] = set()
        if root is not None:
            self._abstract = {
                one.get(f"{W}abstractNumId", ""): one for one in root.iterfind(f"{W}abstractNum")
            }
            self._lists = {one.get(f"{W}numId", ""): one for one in root.iterfind(f"{W}num")}

    def label(self, list_id: str, level: int) -> str:
        """Return what stands before the next paragraph of a list at a level from 0."""
        if list_id not in self._known:
            abstract_id = self._abstract_id(list_id)
            self._known[list_id] = abstract_id, self._levels(abstract_id)
        abstract_id, levels = self._known[list_id]
        if level not in levels:
            return ""
        counts = self._counts.setdefault(abstract_id, [None] * LEVELS)
        self._restart(list_id, counts)
        count = counts[level]
        counts[level] = _start(levels[level]) if count is None else count + 1
        counts[level + 1 :] = [None] * (LEVELS - level - 1)
        return _label(levels, level, counts)

    def _abstract_id(self, list_id: str) -> str:
        """Return the definition of a list; one may only name a style that belongs to another list."""
        found = _value(self._lists.get(list_id), "abstractNumId")
        linked = _value(self._abstract.get(found), "numStyleLink")
        if linked:
            found = _value(self._lists.get(self._styles.of(linked).list_id), "abstractNumId") or found
        return found

    def _levels(self, abstract_id: str) -> dict[int, _Element]:
        abstract = self._abstract.get(abstract_id)
        found = abstract.iterfind(f"{W}lvl") if abstract is not None else ()
        levels = {number(one.get(f"{W}ilvl", "")): one for one in found}
        return {level: one for level, one in levels.items() if level < LEVELS}

    def _restart(self, list_id: str, counts: list[int | None]) -> None:
        """Let a list that begins at numbers of its own do so, once."""
        if list_id in self._begun:
            return
        self._begun.add(list_id)
        for one in self._lists[list_id].iterfind(f"{W}lvlOverride"):
            level, start = number(one.get(f"{W}ilvl", "")), _value(one, "startOverride")
            if level < LEVELS and start.isdecimal():
                counts[level] = number(start) - 1


def _label(levels: dict[int, _Element], level: int, counts: list[int | None]) -> str:
    if _value(levels[level], "numFmt") == "bullet":
        return "•"

    def counted(found: re.Match[str]) -> str:
        at = int(found[1]) - 1
        if at not in levels:
            return ""
        count = counts[at]
        return written(_start(levels[at]) if count is None else count, _value(levels[at], "numFmt"))

    return _PLACE.sub(counted, _value(levels[level], "lvlText")).strip()


def written(count: int, form: str) -> str:
    """Return a number as a list shows it: `c`, `iii`, `03`; in digits where the form is not known."""
    if form == "none":
        return ""
    if form == "decimalZero":
        return f"{count:02d}"
    if count > 0 and form.endswith("Letter"):
        letter = chr(ord("a") + (count - 1) % _LETTERS) * min(1 + (count - 1) // _LETTERS, 9)
        return letter if form.startswith("lower") else letter.upper()
    if count > 0 and form.endswith("Roman"):
        roman = _roman(min(count, 3999))
        return roman if form.startswith("lower") else roman.upper()
    return str(count)


def _roman(count: int) -> str:
    text = ""
    for value, sign in _ROMAN:
        text += sign * (count // value)
        count %= value
    return text


def _start(level: _Element) -> int:
    return number(_value(level, "start"))


def _value(element: _Element | None, name: str) -> str:
    found = None if element is None else element.find(f"{W}{name}")
    return "" if found is None else found.get(VALUE, "")
