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
READ_IN = "Read in a picture: {}"


class Heading(NamedTuple):
    """A heading: where it begins in the body, its level from 1, its words."""

    start: int
    level: int
    text: str


class ReadSpan(NamedTuple):
    """Text that was read in a picture: where it begins and ends in the body, and what picture that is."""

    start: int
    end: int
    picture: str


@dataclass(frozen=True)
class Outline:
    """Headings in order, the offsets at which pages begin, those at which passages must, and what pictures say."""

    headings: tuple[Heading, ...] = ()
    pages: tuple[int, ...] = ()
    breaks: tuple[int, ...] = ()
    read: tuple[ReadSpan, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `to_json` gave."""
        return cls(
            tuple(Heading(*one) for one in values.get("headings", ())),
            tuple(values.get("pages", ())),
            tuple(values.get("breaks", ())),
            tuple(ReadSpan(*one) for one in values.get("read", ())),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; nothing where there is nothing."""
        if not (self.headings or self.pages or self.breaks or self.read):
            return {}
        headings = [list(one) for one in self.headings]
        read = {"read": [list(one) for one in self.read]} if self.read else {}
        return {"headings": headings, "pages": list(self.pages), "breaks": list(self.breaks), **read}

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

        They are joined by `BETWEEN`, the outermost first; of too long a chain the inner ones. Text that was read in a
        picture stands in that picture, too.
        """
        last = bisect_right(self.headings, at, key=lambda one: one.start) - 1
        around = self._paths[last] if last >= 0 else ()
        titles = [one.text[:TITLE_CHARACTERS_MAX] for one in around if one.start != at]
        titles += [READ_IN.format(one.picture[:TITLE_CHARACTERS_MAX]) for one in self._read_at(at)]
        while titles and len(BETWEEN.join(titles)) > HEADING_CHARACTERS_MAX:
            titles.pop(0)
        return BETWEEN.join(titles)

    def _read_at(self, at: int) -> tuple[ReadSpan, ...]:
        """Return the picture in which what stands at a character was read, if it was."""
        last = bisect_right(self.read, at, key=lambda one: one.start) - 1
        return self.read[last : last + 1] if last >= 0 and at < self.read[last].end else ()
