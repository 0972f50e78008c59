"""A hit as its card shows it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext

from search.models import DocumentPage, Passage
from search.services.field_rules import LAST, field_setups
from search.units.kind import TextSpan
from search.units.registry import address_of, picture_of, span_of

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Mapping

    from search.models import Document, DocumentImage, Judgement
    from search.retrieval.types import Hit, Strength
    from search.services.field_rules import FieldsSetup

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
CONTEXT_CHARACTERS = 100
OPENING_CHARACTERS = 320
FACTS_MAX, TAGS_MAX = 6, 8
STRENGTH_PERCENT: dict[Strength, float] = {"weak": 20.0, "fair": 60.0, "strong": 100.0}


@dataclass(frozen=True)
class Excerpt:
    """A passage in its context; `cut_start` and `cut_end` say where the text goes on."""

    before: str
    passage: str
    after: str
    cut_start: bool = False
    cut_end: bool = False

    @property
    def has_context(self) -> bool:
        """Whether there is other text to set the passage off from."""
        return bool(self.before.strip() or self.after.strip())


@dataclass(frozen=True)
class StandsAt:
    """Where in a document made of a file a unit stands: under which headings, on which page (0: it has none)."""

    heading: str
    page: int
    address: str


@dataclass(frozen=True)
class Same:
    """A document that is nearly the same as a hit."""

    document: Document
    address: str
    score: float


@dataclass(frozen=True)
class Card:
    """One hit with everything its card shows, so that the template only lays out."""

    rank: int
    document: Document
    address: str
    score: float
    bar_percent: float
    relevance_percent: int | None
    strength: str | None
    excerpt: Excerpt | None
    place: StandsAt | None
    image: DocumentImage | None
    facts: list[tuple[str, str]]
    tags: list[str]
    judgement: Judgement | None
    same: tuple[Same, ...] = ()

    @property
    def is_less_relevant(self) -> bool:
        """Whether it is folded away."""
        return self.strength == "weak"


def cards(
    hits: Iterable[Hit], query_id: uuid.UUID | None, similarity: str, judged: Mapping[int, Judgement]
) -> list[Card]:
    """Return the cards of hits; `judged` are the viewer's own judgements by document id."""
    hits = list(hits)
    setups = field_setups({hit.document.collection_id for hit in hits})
    return [
        Card(
            rank=hit.rank,
            document=hit.document,
            address=hit_address(hit, query_id),
            score=hit.score,
            bar_percent=bar_percent(hit, similarity),
            relevance_percent=None if hit.relevance is None else round(100 * hit.relevance),
            strength=hit.strength,
            excerpt=_excerpt_of(hit),
            place=place_of(hit.unit, query_id),
            image=picture_of(hit.kind, hit.unit) or hit.cover,
            facts=facts(hit.document.metadata, setups.get(hit.document.collection_id))[:FACTS_MAX],
            tags=_new_tags(hit.document),
            judgement=judged.get(hit.document.pk),
            same=tuple(
                Same(one.document, document_address(one.document.pk, query_id), one.score) for one in hit.same
            ),
        )
        for hit in hits
    ]


def document_address(document_id: int, query_id: uuid.UUID | None) -> str:
    """Return where a document is read; with a kept query, as its hit."""
    address = reverse("search:document", args=[document_id])
    return f"{address}?q={query_id}" if query_id else address


def hit_address(hit: Hit, query_id: uuid.UUID | None) -> str:
    """Return where what was found is read: its document, or the page of its file that it is."""
    if not (address := address_of(hit.kind, hit.unit)):
        return document_address(hit.document.pk, query_id)
    return f"{address}?q={query_id}" if query_id else address


def place_of(unit: Any, query_id: uuid.UUID | None) -> StandsAt | None:
    """Return where a passage or page stands in its file; None for other units, and where there is nothing to say."""
    if isinstance(unit, DocumentPage):
        address = reverse("search:page", args=[unit.document_id, unit.number])
        return StandsAt("", unit.number, f"{address}?q={query_id}" if query_id else address)
    if not isinstance(unit, Passage) or not (unit.heading or unit.page):
        return None
    address = reverse("search:page", args=[unit.document_id, unit.page]) if unit.page else ""
    found_by = f"&q={query_id}" if query_id else ""
    return StandsAt(unit.heading, unit.page, address and f"{address}?passage={unit.pk}{found_by}")


def bar_percent(hit: Hit, similarity: str) -> float:
    """Return how full the bar is, 0 to 100: by relevance, else by strength; in answers that have neither, by score."""
    if hit.relevance is not None:
        return round(100 * hit.relevance, 1)
    if hit.strength is not None:
        return STRENGTH_PERCENT[hit.strength]
    share = hit.score + 1 if similarity == "order" else hit.score
    return round(100 * min(1.0, max(0.0, share)), 1)


def excerpt(body: str, start: int, end: int, around: int = CONTEXT_CHARACTERS) -> Excerpt:
    """Return `body[start:end]` between at most `around` characters of its context, cut between words."""
    first, last = max(0, start - around), min(len(body), end + around)
    before, after = body[first:start], body[end:last]
    if first:
        before = before.partition(" ")[2]
    if last < len(body):
        after = after.rpartition(" ")[0]
    return Excerpt(before, body[start:end], after, cut_start=first > 0, cut_end=last < len(body))


def facts(metadata: Mapping[str, Any], setup: FieldsSetup | None = None) -> list[tuple[str, str]]:
    """Return metadata as (name, value) for people; empty values are left out.

    `setup`: in the order and by the labels that the curators of its collection gave.
    """
    setup = setup or {}
    keys = sorted(metadata, key=lambda key: setup[key].order if key in setup else LAST)
    named = ((key, _written(metadata[key])) for key in keys)
    return [(_label(key, setup), value) for key, value in named if value]


def _label(key: str, setup: FieldsSetup) -> str:
    if key in setup and setup[key].label:
        return setup[key].label
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _written(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return ", ".join(str(item) for item in value)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return _date(str(value))


def _date(text: str) -> str:
    """Return a moment as people write it, `2026-11-29 13:14`; other texts as they are."""
    found = _MOMENT.fullmatch(text)
    return f"{found[1]} {found[2]}" if found else text


def _excerpt_of(hit: Hit) -> Excerpt | None:
    span, body = span_of(hit.kind, hit.unit), hit.document.body
    if span is None:
        return _opening(body)
    if not span.stands_in(body):
        is_title = not body and span == TextSpan(hit.document.title.strip())
        return None if is_title else Excerpt("", span.text, "")
    return excerpt(body, span.start, span.end)


def _opening(body: str) -> Excerpt | None:
    if not body:
        return None
    opening = excerpt(body, 0, 0, OPENING_CHARACTERS)
    return Excerpt("", opening.after, "", cut_end=opening.cut_end)


def _new_tags(document: Document) -> list[str]:
    """Return the tags that the facts beside them do not say already."""
    shown = {value.casefold() for _, value in facts(document.metadata)}
    return [tag for tag in document.tags if tag.casefold() not in shown][:TAGS_MAX]
