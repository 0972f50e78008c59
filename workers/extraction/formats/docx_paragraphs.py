"""A paragraph of Word: its text as it is shown, and what hangs on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from workers.extraction.formats.docx_names import (
    DRAWN,
    NOTE_REFERENCES,
    PIC,
    SIGNS,
    TEXTS,
    UNREAD,
    VALUE,
    WP,
    V,
    W,
)
from workers.extraction.formats.drawingml import CHART, DIAGRAM, Drawn, alternatives_resolved
from workers.extraction.formats.ooxml import A, R, is_on

if TYPE_CHECKING:
    from lxml.etree import _Element

_BOX = f"{W}txbxContent"
_NAMING = frozenset({f"{WP}docPr", f"{PIC}cNvPr"})


@dataclass
class ParagraphParts:
    """What is in a paragraph, each kind in its order. Relations are those of the part in which the paragraph stands."""

    texts: list[str] = field(default_factory=list)
    pictures: list[Drawn] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    diagrams: list[str] = field(default_factory=list)
    boxes: list[_Element] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    _characters: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, paragraph: _Element) -> Self:
        """Return the parts of a paragraph."""
        parts = cls()
        parts._read(paragraph)
        return parts

    @property
    def text(self) -> str:
        """The text as it is shown."""
        return "".join(self.texts)

    def languages(self, otherwise: str) -> Counter[str]:
        """Return how many characters are in which language; `otherwise`: that of text that does not say."""
        named = {name or otherwise: count for name, count in self._characters.items()}
        return Counter({name: count for name, count in named.items() if name})

    def _read(self, element: _Element) -> None:
        for child in alternatives_resolved(element):
            if child.tag == f"{W}r":
                self._run(child)
            elif child.tag in TEXTS:
                self.texts.append(child.text or "")
            elif child.tag in SIGNS:
                self.texts.append(SIGNS[child.tag])
            elif child.tag in DRAWN:
                self._drawn(child, "")
            elif child.tag in NOTE_REFERENCES:
                self.notes.append((NOTE_REFERENCES[child.tag], child.get(f"{W}id", "")))
            elif child.tag not in UNREAD:
                self._read(child)

    def _run(self, element: _Element) -> None:
        properties = element.find(f"{W}rPr")
        if properties is not None and is_on(properties.find(f"{W}vanish"), VALUE):
            return
        before = len(self.texts)
        self._read(element)
        language = None if properties is None else properties.find(f"{W}lang")
        name = "" if language is None else language.get(VALUE, "")
        self._characters[name] += sum(map(len, self.texts[before:]))

    def _drawn(self, element: _Element, said: str) -> None:
        """Look through a drawing; `said` is its alternative text, the nearest one above counts."""
        for child in alternatives_resolved(element):
            if child.tag == _BOX:
                self.boxes.append(child)
                continue
            if child.tag in _NAMING:
                said = _alternative(child) or said
            said_here = _alternative(child) or said
            if relation := _relation_of(child):
                self.pictures.append(Drawn(relation, said_here))
            elif child.tag == CHART:
                self.charts.append(child.get(f"{R}id", ""))
            elif child.tag == DIAGRAM:
                self.diagrams.append(child.get(f"{R}dm", ""))
            self._drawn(child, said_here)


def _relation_of(element: _Element) -> str:
    if element.tag == f"{A}blip":
        return str(element.get(f"{R}embed") or element.get(f"{R}link", ""))
    return str(element.get(f"{R}id", "")) if element.tag == f"{V}imagedata" else ""


def _alternative(element: _Element) -> str:
    return str(element.get("descr") or element.get("alt") or "")
