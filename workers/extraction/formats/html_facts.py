"""What a page says of itself: its title, authors, date, language and keywords, in any of the usual ways."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.extraction.dates import iso_date
from workers.extraction.types import Extracted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VALUE_CHARACTERS_MAX = 2_000
VALUES_MAX = 200
_LD_CHARACTERS_MAX = 200_000
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")

_TITLES = ("og:title", "dc.title", "dcterms.title", "citation_title", "ld:headline", "twitter:title")
_AUTHORS = ("author", "dc.creator", "dcterms.creator", "citation_author", "article:author", "ld:author")
_DATES = (
    "article:published_time", "dcterms.created", "dc.date", "dcterms.date", "dcterms.issued", "citation_date",
    "citation_publication_date", "date", "ld:datepublished", "ld:datecreated", "og:updated_time",
)  # fmt: skip
_LANGUAGES = ("content-language", "dc.language", "dcterms.language", "og:locale", "ld:inlanguage")
_KEYWORDS = ("keywords", "article:tag", "dc.subject", "dcterms.subject", "citation_keywords", "ld:keywords")
_FURTHER = {
    "description": ("description", "dc.description", "dcterms.abstract", "og:description"),
    "publisher": ("dc.publisher", "dcterms.publisher", "og:site_name", "publisher"),
    "rights": ("dc.rights", "dcterms.rights", "copyright"),
    "address": ("canonical", "og:url"),
}


@dataclass
class PageFacts:
    """What a page's head says, by name in small letters, in its order."""

    title: str = ""
    language: str = ""
    has_other_base: bool = False
    _values: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, value: str) -> None:
        """Take note of one more value of a name."""
        text = " ".join(value[:VALUE_CHARACTERS_MAX].split())
        values = self._values.setdefault(name.strip().lower(), []) if len(self._values) < VALUES_MAX else []
        if text and len(values) < VALUES_MAX and text not in values:
            values.append(text)

    def add_meta(self, attributes: Mapping[str, str]) -> None:
        """Take note of a `meta`."""
        name = next(
            (attributes[key] for key in ("property", "name", "http-equiv") if attributes.get(key)), ""
        )
        self.add(name, attributes.get("content", ""))

    def add_linked_data(self, text: str) -> None:
        """Take note of what JSON-LD says of the page; of what makes no sense nothing."""
        if len(text) > _LD_CHARACTERS_MAX:
            return
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            return
        for one in _works(values):
            for key in ("headline", "author", "datePublished", "dateCreated", "inLanguage", "keywords"):
                for value in _names(one.get(key)):
                    self.add(f"ld:{key}", value)

    def extracted(self) -> Extracted:
        """Return the facts alone, without blocks."""
        titles = self._all(_TITLES)
        languages = [self.language, *self._all(_LANGUAGES)]
        further = {key: self._all(names)[:1] for key, names in _FURTHER.items()}
        return Extracted(
            title=titles[0] if titles else " ".join(self.title[:VALUE_CHARACTERS_MAX].split()),
            authors=tuple(name for name in self._first(_AUTHORS) if "://" not in name),
            created=next(filter(None, map(iso_date, self._all(_DATES))), ""),
            language=next((text.replace("_", "-") for text in languages if _LANGUAGE.fullmatch(text)), ""),
            keywords=_keywords(self._all(_KEYWORDS)),
            metadata={key: values[0] for key, values in further.items() if values},
        )

    def _all(self, names: tuple[str, ...]) -> list[str]:
        return [value for name in names for value in self._values.get(name, ())]

    def _first(self, names: tuple[str, ...]) -> list[str]:
        return next((self._values[name] for name in names if self._values.get(name)), [])


def _keywords(values: list[str]) -> tuple[str, ...]:
    words = (word.strip() for value in values for word in re.split(r"[,;]", value))
    return tuple(dict.fromkeys(word for word in words if word))[:VALUES_MAX]


def _works(values: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects at the top of JSON-LD that describe a work: those with a headline."""
    several = values if isinstance(values, list) else [values]
    for one in several[:VALUES_MAX]:
        if isinstance(one, dict):
            graph = one.get("@graph")
            inner = graph if isinstance(graph, list) else []
            yield from (each for each in (one, *inner) if isinstance(each, dict) and "headline" in each)


def _names(value: Any) -> Iterator[str]:
    for one in value[:VALUES_MAX] if isinstance(value, list) else [value]:
        name = one.get("name") if isinstance(one, dict) else one
        if isinstance(name, str):
            yield name
