"""Where the headings and pages of a document that was made of a file begin in its body."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADING_CHARACTERS_MAX = 300
TITLE_CHARACTERS_MAX = 120
BETWEEN = " › "


class Heading(NamedTuple):
    """A heading: where it begins in the body, its level from 1, its words."""

    start: int
    level: int
    text: str


@dataclass(frozen=True)
class Outline:
    """Headings in order, the offsets at which pages begin, and those at which passages must."""

    headings: tuple[Heading, ...] = ()
    pages: tuple[int, ...] = ()
    breaks: tuple[int, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `to_json` gave."""
        return cls(
            tuple(Heading(*one) for one in values.get("headings", ())),
            tuple(values.get("pages", ())),
            tuple(values.get("breaks", ())),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; nothing where there is nothing."""
        if not (self.headings or self.pages or self.breaks):
            return {}
        headings = [list(one) for one in self.headings]
        return {"headings": headings, "pages": list(self.pages), "breaks": list(self.breaks)}

    def page_at(self, at: int) -> int:
        """Return the page, from 1, on which a character of the body stands; 0 where there are no pages."""
        return bisect_right(self.pages, at)

    @cached_property
    def _paths(self) -> list[tuple[Heading, ...]]:
        """For each heading the headings of the sections that it stands in, and itself."""
        paths: list[tuple[Heading, ...]] = []
        for heading in self.headings:
            above = paths[-1] if paths else ()
            paths.append((*(one for one in above if one.level < heading.level), heading))
        return paths

    def heading_at(self, at: int) -> str:
        """Return the titles of the sections in which what begins at a character stands, but not its own heading.

        They are joined by `BETWEEN`, the outermost first; of too long a chain the inner ones.
        """
        last = bisect_right(self.headings, at, key=lambda one: one.start) - 1
        if last < 0:
            return ""
        titles = [one.text[:TITLE_CHARACTERS_MAX] for one in self._paths[last] if one.start != at]
        while titles and len(BETWEEN.join(titles)) > HEADING_CHARACTERS_MAX:
            titles.pop(0)
        return BETWEEN.join(titles)
