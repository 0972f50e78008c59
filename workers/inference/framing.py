"""Which part of a picture counts: how it is turned, and what is cut out of it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Crop = tuple[float, float, float, float]
"""Left, top, width and height of a part, as fractions of the picture's sides."""
TURNS = (0, 90, 180, 270)
SIDE_MIN = 0.01
"""The shortest side of a part, as a fraction."""
_DIGITS = 6
_ROUNDING = 1e-4


@dataclass(frozen=True)
class Framing:
    """An upright picture is turned clockwise by `turn` degrees; then `crop` is cut out of what that gives."""

    turn: int = 0
    crop: Crop | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `dataclasses.asdict` gave, also as JSON has it."""
        return cls(values["turn"], tuple(values["crop"]) if values["crop"] else None)

    @property
    def key(self) -> str:
        """A text that is the same for the same framing, "" for the whole picture as it stands."""
        if not self.turn and not self.crop:
            return ""
        return f"{self.turn}:" + ",".join(f"{side:.{_DIGITS}f}" for side in self.crop or ())

    def shortest_side(self, wanted: int) -> int:
        """Return how long a whole picture's shorter side must be, so that the part's is at least `wanted`."""
        return wanted if self.crop is None else math.ceil(wanted / min(self.crop[2:]))

    def box(self, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """Return what is cut out of a turned picture of this size, in pixels: left, top, right, bottom."""
        if self.crop is None:
            return None
        (left, right), (top, bottom) = (
            _pixels(self.crop[side], self.crop[side + 2], size[side]) for side in (0, 1)
        )
        return left, top, right, bottom


WHOLE = Framing()


@dataclass(frozen=True)
class FramedPicture:
    """A picture's file, and which part of the picture counts."""

    data: bytes
    framing: Framing = WHOLE

    @cached_property
    def digest(self) -> str:
        """The file's SHA-256."""
        return hashlib.sha256(self.data).hexdigest()


def _pixels(start: float, length: float, whole: int) -> tuple[int, int]:
    first = min(round(start * whole), whole - 1)
    return first, min(max(round((start + length) * whole), first + 1), whole)


def crop_of(numbers: Sequence[float]) -> Crop | None:
    """Return the part of a picture that four numbers name, None for the whole.

    Raises ValueError where they name no part of it; what stands over by rounding alone is cut off.
    """
    if len(numbers) != len(TURNS) or not all(map(math.isfinite, numbers)):
        raise ValueError("these are not four numbers")
    left, top, width, height = (round(float(number), _DIGITS) for number in numbers)
    if min(left, top) < -_ROUNDING or max(left + width, top + height) > 1 + _ROUNDING:
        raise ValueError("it reaches beyond the picture")
    if min(width, height) < SIDE_MIN:
        raise ValueError(f"each side has to be at least {SIDE_MIN}")
    left, top = max(left, 0.0), max(top, 0.0)
    crop = (left, top, round(min(width, 1 - left), _DIGITS), round(min(height, 1 - top), _DIGITS))
    return None if crop == (0, 0, 1, 1) else crop
