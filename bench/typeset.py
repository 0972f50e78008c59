"""Pages of text that are drawn, and what stands on them: for measuring how well pages are read (bench/ocr.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from bench.plates import font, identifiers
from workers.extraction.types import CELLS_BETWEEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from PIL import ImageFont

DOTS_PER_INCH = 300
PAGE_PX = (2480, 3508)
"""A4."""
MARGIN_PX, GUTTER_PX = 230, 90
FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral", "STIXGeneralBol", "DejaVuSans-Bold")
POINTS = (7, 8, 9, 10, 11, 12)
LAYOUTS = ("column", "columns", "table", "mixed")
SENTENCES = {
    "en": (
        "Switch the pump off and wait until the shaft stands still before the cover is opened.",
        "Part {part} must be replaced after {number} hours of operation, or once a year.",
        "If the pressure falls below {number} mbar, check the seals and the non-return valve.",
        "The impeller is fixed with four hexagon bolts; tighten them crosswise to {number} Nm.",
        "Never run the unit dry: the mechanical seal would be damaged within seconds.",
        "“Maintenance due” on the display (code {part}) means that the filter is blocked by {number} %.",
        "Store spare parts at 5–35 °C, away from sunlight, and keep their original packaging.",
        "The harbour master’s letter of 14 May 1911 mentions two cranes and a coal shed.",
        "Our records show that the building was extended twice, in 1898 and again in 1926.",
        "Questions? Call +49 30 5550-{number} or write to service@example.org.",
    ),
    "de": (
        "Vor dem Öffnen des Gehäuses ist die Anlage spannungsfrei zu schalten und gegen Wiedereinschalten zu sichern.",
        "Das Laufrad {part} wird nach {number} Betriebsstunden oder spätestens jährlich ausgetauscht.",
        "Fällt der Druck unter {number} mbar, sind Dichtungen und Rückschlagventil zu prüfen.",
        "Die Sechskantschrauben über Kreuz mit {number} Nm anziehen; größere Kräfte beschädigen den Flansch.",
        "Trockenlauf führt binnen Sekunden zu Schäden an der Gleitringdichtung.",
        "Störungsmeldung {part}: Überprüfen Sie den Füllstand (mindestens {number} mm) und quittieren Sie.",
        "Ersatzteile bei 5–35 °C trocken, lichtgeschützt und in der Originalverpackung aufbewahren.",
        "Der Brief des Hafenmeisters vom 14. Mai 1911 erwähnt zwei Kräne und einen Kohlenschuppen.",
        "Laut Grundbuch wurde das Gebäude 1898 und nochmals 1926 um je ein Geschoß erhöht.",
        "Rückfragen: Telefon 030 5550-{number}, außerhalb der Bürozeiten über die Störungsstelle.",
    ),
}
HEADINGS = {
    "en": ("Safety", "Maintenance of the pump", "Faults and what to do", "History of the building"),
    "de": ("Sicherheit", "Wartung der Pumpe", "Störungen und Abhilfe", "Geschichte des Gebäudes"),
}
COLUMNS = {
    "en": ("Part", "Number", "Quantity", "Remark"),
    "de": ("Teil", "Nummer", "Menge", "Bemerkung"),
}
PARTS = {
    "en": ("Impeller", "Shaft seal", "Bearing", "Gasket", "Housing cover", "Filter", "Relief valve"),
    "de": ("Laufrad", "Wellendichtung", "Kugellager", "Flachdichtung", "Gehäusedeckel", "Filter", "Überdruckventil"),
}  # fmt: skip
REMARKS = {
    "en": ("see page 12", "spare", "on request", "left-handed"),
    "de": ("siehe Seite 12", "Ersatzteil", "auf Anfrage", "Linksgewinde"),
}


@dataclass
class TypesetPage:
    """A page's picture, and what stands on it: paragraphs, headings and rows, in reading order."""

    image: Image.Image
    layout: str
    points: int
    texts: list[str] = field(default_factory=list)


class _Setter:
    """Sets one page from top to bottom."""

    def __init__(self, number: int, rng: np.random.Generator) -> None:
        turn, place = divmod(number, len(POINTS))
        self.rng, self.language = rng, ("de", "en")[number // 4 % 2]
        points = POINTS[(place + turn) % len(POINTS)]
        self.page = TypesetPage(
            Image.new("RGB", PAGE_PX, (252, 251, 247)), LAYOUTS[(place + 3 * turn) % len(LAYOUTS)], points
        )
        self.draw = ImageDraw.Draw(self.page.image)
        self.name = FONTS[(place - turn) % len(FONTS)]
        self.font = _font(self.name, points)
        self.line_px = round(points * 1.3 * DOTS_PER_INCH / 72)

    def heading(self, top: int, left: int = MARGIN_PX) -> int:
        """Set a heading; return where it ends."""
        text = str(self.rng.choice(HEADINGS[self.language]))
        self.draw.text(
            (left, top), text, font=_font("DejaVuSans-Bold", self.page.points * 2), fill=(20, 20, 20)
        )
        self.page.texts.append(text)
        return top + 3 * self.line_px

    def column(self, left: int, top: int, width: int, bottom: int) -> None:
        """Fill a column with whole paragraphs."""
        while top + 8 * self.line_px < bottom:
            paragraph = self._paragraph()
            lines = _broken(paragraph, self.font, width)
            if top + len(lines) * self.line_px > bottom:
                return
            for line in lines:
                self.draw.text((left, top), line, font=self.font, fill=(25, 25, 25))
                top += self.line_px
            self.page.texts.append(paragraph)
            top += self.line_px

    def table(self, top: int, rows: int) -> int:
        """Set a table whose first row names its columns; return where it ends."""
        names = COLUMNS[self.language]
        places = [MARGIN_PX + share * (PAGE_PX[0] - 2 * MARGIN_PX) // 100 for share in (0, 32, 58, 74)]
        numbers = identifiers(rows, self.rng)
        cells = [
            (self._one(PARTS), number, str(self.rng.integers(1, 99)), self._one(REMARKS))
            for number in numbers
        ]
        for row in (names, *cells):
            for place, cell in zip(places, row, strict=True):
                self.draw.text((place, top), cell, font=self.font, fill=(20, 20, 20))
            top += round(self.line_px * 1.5)
            self.draw.line(
                (MARGIN_PX, top - 12, PAGE_PX[0] - MARGIN_PX, top - 12), fill=(120, 120, 120), width=2
            )
        self.page.texts += [
            CELLS_BETWEEN.join(f"{name}: {cell}" for name, cell in zip(names, row, strict=True))
            for row in cells
        ]
        return top + 2 * self.line_px

    def _one(self, choices: dict[str, tuple[str, ...]]) -> str:
        return str(self.rng.choice(choices[self.language]))

    def _paragraph(self) -> str:
        return " ".join(
            self._one(SENTENCES).format(part=identifiers(1, self.rng)[0], number=self.rng.integers(11, 980))
            for _ in range(3)
        )


def typeset(number: int, rng: np.random.Generator) -> TypesetPage:
    """Return page `number`: languages, layouts, fonts and sizes take turns, each combined with all places modulo 6."""
    setter = _Setter(number, rng)
    top, bottom, full = setter.heading(MARGIN_PX), PAGE_PX[1] - MARGIN_PX, PAGE_PX[0] - 2 * MARGIN_PX
    half = (full - GUTTER_PX) // 2
    if setter.page.layout == "column":
        setter.column(MARGIN_PX, top, full, bottom)
    elif setter.page.layout == "table":
        setter.table(top, 20)
    else:
        if setter.page.layout == "mixed":
            top = setter.table(top, 6)
        setter.column(MARGIN_PX, top, half, bottom)
        setter.column(MARGIN_PX + half + GUTTER_PX, top, half, bottom)
    return setter.page


def _font(name: str, points: int) -> ImageFont.FreeTypeFont:
    return font(name, round(points * DOTS_PER_INCH / 72))


def _broken(text: str, letters: ImageFont.FreeTypeFont, width: int) -> Sequence[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if letters.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
