"""Word's styles: which paragraphs are headings, titles and captions, and which belong to a list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.extraction.formats.docx_names import VALUE, W

if TYPE_CHECKING:
    from lxml.etree import _Element

BASES_MAX = 20
BODY_LEVEL = 9
_HEADING = re.compile(
    r"(?i)(?:heading|überschrift|titre|título|titolo|kop|nagłówek|заголовок|rubrik|overskrift|otsikko|nadpis|"
    r"címsor|başlık|标题|見出し|제목)\s*(\d)"
)
"""Word itself writes `heading 1` whatever its language; other programs translate the name."""
_TITLES = frozenset({"title", "titel"})
_CAPTIONS = frozenset(
    {"caption", "beschriftung", "légende", "leyenda", "didascalia", "legenda", "название объекта"}
)
_DIRECTORIES = re.compile(r"(?i)toc\s*\d|table of figures|table of authorities|index\s*\d")


@dataclass(frozen=True)
class WordStyle:
    """What a paragraph of a style is: the level of a heading from 1, 0 for none; the list that it belongs to."""

    level: int = 0
    is_title: bool = False
    is_caption: bool = False
    is_directory: bool = False
    list_id: str = ""
    list_level: int = 0


class WordStyles:
    """The styles of a document by their ids."""

    def __init__(self, root: _Element | None) -> None:
        self._elements: dict[str, _Element] = {}
        self._known: dict[str, WordStyle] = {}
        self.language = ""
        if root is None:
            return
        for element in root.iterfind(f"{W}style"):
            self._elements[element.get(f"{W}styleId", "")] = element
        language = root.find(f"{W}docDefaults/{W}rPrDefault/{W}rPr/{W}lang")
        self.language = "" if language is None else language.get(VALUE, "")

    def of(self, style_id: str) -> WordStyle:
        """Return a style by its id; one that is not defined goes by its id alone."""
        if style_id not in self._known:
            self._known[style_id] = self._read(style_id)
        return self._known[style_id]

    def _read(self, style_id: str) -> WordStyle:
        chain = self._chain(style_id)
        names = [_value(style, "name") for style in chain] or [style_id]
        own = names[0].strip().lower()
        list_id, list_level = _list_of(chain)
        return WordStyle(
            level=_level(chain, names),
            is_title=own in _TITLES,
            is_caption=any(map(is_caption_name, names)),
            is_directory=bool(_DIRECTORIES.fullmatch(own)),
            list_id=list_id,
            list_level=list_level,
        )

    def _chain(self, style_id: str) -> list[_Element]:
        """Return a style and those that it is based on; styles may be based on each other in a ring."""
        chain: list[_Element] = []
        while style_id in self._elements and len(chain) < BASES_MAX:
            chain.append(self._elements[style_id])
            style_id = _value(chain[-1], "basedOn")
        return chain


def level_by_name(name: str) -> int:
    """Return the level of the headings of a style, by its name; 0 for no headings."""
    found = _HEADING.fullmatch(name.strip())
    return int(found[1]) if found else 0


def is_caption_name(name: str) -> bool:
    """Tell whether a style of this name is that of captions."""
    return name.strip().lower() in _CAPTIONS


def outline_level(properties: _Element | None) -> int | None:
    """Return the level of a heading that a paragraph's properties give it, 0 for body text; None if they do not say."""
    text = "" if properties is None else _value(properties, "outlineLvl")
    if not text.isdecimal():
        return None
    return int(text) + 1 if int(text) < BODY_LEVEL else 0


def _level(chain: list[_Element], names: list[str]) -> int:
    for index, name in enumerate(names):
        if known := level_by_name(name):
            return known
        level = outline_level(chain[index].find(f"{W}pPr")) if chain else None
        if level is not None:
            return level
    return 0


def _list_of(chain: list[_Element]) -> tuple[str, int]:
    for style in chain:
        found = style.find(f"{W}pPr/{W}numPr")
        if found is not None and _value(found, "numId"):
            return _value(found, "numId"), number(_value(found, "ilvl"))
    return "", 0


def number(text: str) -> int:
    """Return a whole number of at most four digits; 0 for anything else."""
    return int(text) if text.isdecimal() and len(text) <= len("9999") else 0


def _value(element: _Element, name: str) -> str:
    found = element.find(f"{W}{name}")
    return "" if found is None else found.get(VALUE, "")
