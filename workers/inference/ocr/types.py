"""What was read in a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, cast

from workers.inference.ocr.lie import Lie

Kind: TypeAlias = Literal["line", "barcode"]
KINDS: tuple[Kind, ...] = ("line", "barcode")
LONGEST_SIDE_PX = 1600
"""The picture is read at this scale: its longer side is at most so long."""
TEXT_MAX_CHARACTERS = 500
READS_MAX = 100
"""Of a photo full of text only the largest lines are read."""
PAGE_LONGEST_SIDE_PX = 2500
"""Pages are read at this scale: small print on paper of A4 at 200 dots per inch and more."""
PAGE_LINES_MAX = 3000
PAGE_FIGURES_MAX = 50

Script: TypeAlias = Literal["any", "latin"]
"""The network knows Latin, Greek, Chinese and Japanese letters; a page in one script is read better as such."""

Box: TypeAlias = tuple[float, float, float, float]
TURNS = (0, 90, 180, 270)
_SIDES = 4


@dataclass(frozen=True)
class TextRead:
    """A line or a barcode. `box`: left, top, width and height as fractions of the upright picture, as of a crop.

    `confidence` is from 0 to 1; a barcode whose check digits hold has 1.
    """

    text: str
    box: tuple[float, float, float, float]
    kind: Kind
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, values: Any) -> TextRead:
        """Return what `to_json` gave; raises ValueError, TypeError or KeyError for anything else."""
        kind = values["kind"]
        if kind not in KINDS:
            raise ValueError("this was not read in a picture")
        return cls(_text(values), _box(values["box"]), cast("Kind", kind), _share(values["confidence"]))


@dataclass(frozen=True)
class LinesOfPage:
    """What stands on a page: lines in no order, with boxes on the page once it is laid straight; and barcodes.

    `turned`: by how many degrees, clockwise, the picture must be turned to stand upright; `lie`: how lines lie then.
    `figures`: the boxes of its pictures on the page that lies as `lie.level` tells, from top to bottom.
    """

    lines: tuple[TextRead, ...]
    codes: tuple[TextRead, ...]
    turned: int
    lie: Lie
    figures: tuple[Box, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, values: Any) -> LinesOfPage:
        """Return what `to_json` gave; raises ValueError, TypeError or KeyError for anything else."""
        turned = values["turned"]
        if turned not in TURNS:
            raise ValueError("no page lies like this")
        return cls(
            tuple(TextRead.of(one) for one in values["lines"][:PAGE_LINES_MAX]),
            tuple(TextRead.of(one) for one in values["codes"][:READS_MAX]),
            int(turned),
            Lie.of(values["lie"]),
            tuple(_box(one) for one in values["figures"][:PAGE_FIGURES_MAX]),
        )


def _text(values: Any) -> str:
    text = values["text"]
    if not isinstance(text, str):
        raise ValueError("this is no text")
    return text.replace("\0", "")[:TEXT_MAX_CHARACTERS]


def _box(sides: Any) -> Box:
    box = tuple(_share(side) for side in sides)
    if len(box) != _SIDES:
        raise ValueError("a box has four sides")
    return cast("Box", box)


def _share(value: Any) -> float:
    return min(max(float(value), 0.0), 1.0)
