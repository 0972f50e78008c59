"""What was read in a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, cast

Kind: TypeAlias = Literal["line", "barcode"]
KINDS: tuple[Kind, ...] = ("line", "barcode")
LONGEST_SIDE_PX = 1600
"""The picture is read at this scale: its longer side is at most so long."""
TEXT_MAX_CHARACTERS = 500
READS_MAX = 100
"""Of a page full of text only the largest lines are read."""
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
        box = tuple(min(max(float(side), 0.0), 1.0) for side in values["box"])
        kind = values["kind"]
        if len(box) != _SIDES or kind not in KINDS or not isinstance(values["text"], str):
            raise ValueError("this was not read in a picture")
        text = values["text"].replace("\0", "")[:TEXT_MAX_CHARACTERS]
        confidence = min(max(float(values["confidence"]), 0.0), 1.0)
        return cls(text, cast("tuple[float, float, float, float]", box), cast("Kind", kind), confidence)
