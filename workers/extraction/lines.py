"""A line of a page, as it was written or as it was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.extraction.types import Box


@dataclass(frozen=True)
class PageLine:
    """A line of text. `box`: fractions of the upright page; `size`: of its letters, by whatever measure."""

    text: str
    box: Box
    size: float
    hyphenated: bool = False
    is_value: bool = False
    """Filled into a form."""

    @property
    def left(self) -> float:
        """Its left edge."""
        return self.box[0]

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.box[0] + self.box[2]

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.box[1]

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.box[1] + self.box[3]

    @property
    def height(self) -> float:
        """Its height."""
        return self.box[3]
