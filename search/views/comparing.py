"""Two hits of an answer side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.views.decorators.http import require_safe

from retrieval_site.database.reading import reads
from retrieval_site.errors import AppError
from search.retrieval import keep
from search.retrieval.pages import kept_query
from search.retrieval.present import hits_of
from search.retrieval.scope import visible_collections
from search.services.judgements import judgements_of
from search.sessions import session_of
from search.throttling import PAGE
from search.units.registry import unit_kind_of
from search.views.cards import cards, facts
from search.views.indexing import unindexed
from search.views.people import searchers_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from search.models import Query
    from search.retrieval.types import Hit, Ranking

WINDOW = 10
"""Hits before and behind the second one among which its neighbours are looked for; others may be hidden."""


@dataclass(frozen=True)
class Fact:
    """What two documents say under one name; "" where one says nothing."""

    name: str
    left: str
    right: str

    @property
    def differs(self) -> bool:
        """Whether they say different things."""
        return self.left != self.right


@require_safe
@unindexed
@throttled(PAGE)
@searchers_only
@reads
def compare(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Show two hits side by side; `?document=` names each of them."""
    query = kept_query(query_id)
    ranking = keep.ranking_of(query)
    left, right = _two(request.GET.getlist("document"), ranking)
    window = _around(ranking, right)
    seen = hits_of([ranking.documents[left], *window], ranking.kind, visible_collections(request.user))
    pair = _pair(seen, ranking, left, right)
    context = _shown(request, query, pair) | _neighbours(seen, pair)
    return render(request, "search/compare.html", context)


def _two(written: list[str], ranking: Ranking) -> tuple[int, int]:
    """Return the places of the two documents in the answer; raises AppError for any other number."""
    places = {str(ranked.document_id): place for place, ranked in enumerate(ranking.documents)}
    named = list(dict.fromkeys(written))
    if len(named) != 2:
        raise AppError("compare.two")
    if not all(document in places for document in named):
        raise AppError("document.not_found")
    return places[named[0]], places[named[1]]


def _around(ranking: Ranking, place: int) -> Sequence[Any]:
    return ranking.documents[max(0, place - WINDOW) : place + WINDOW + 1]


def _pair(seen: Sequence[Hit], ranking: Ranking, left: int, right: int) -> tuple[Hit, Hit]:
    by_document = {hit.document.pk: hit for hit in seen}
    wanted = [ranking.documents[place].document_id for place in (left, right)]
    if not all(document in by_document for document in wanted):
        raise AppError("document.not_found")
    return by_document[wanted[0]], by_document[wanted[1]]


def _neighbours(seen: Sequence[Hit], pair: tuple[Hit, Hit]) -> dict[str, Any]:
    """Return the hits before and behind the second one, but for the first, which stays."""
    left, right = (hit.document.pk for hit in pair)
    others = list(dict.fromkeys(hit.document.pk for hit in seen[1:] if hit.document.pk != left))
    place = others.index(right)
    return {
        "before": others[place - 1] if place else None,
        "behind": others[place + 1] if place + 1 < len(others) else None,
    }


def _shown(request: HttpRequest, query: Query, pair: tuple[Hit, Hit]) -> dict[str, Any]:
    judged = judgements_of(query, request.user, session_of(request))
    similarity = query.version.similarity if query.version else "cosine"
    left, right = cards(pair, query.pk, similarity, judged)
    return {
        "query": query,
        "query_id": query.pk,
        "asked": query.part,
        "words": query.text,
        "target": query.target,
        "kind": unit_kind_of(query.target),
        "left": left,
        "right": right,
        "sides": [left, right],
        "facts": _facts(left.document.metadata, right.document.metadata),
        "back": request.get_full_path(),
    }


def _facts(left: dict[str, Any], right: dict[str, Any]) -> list[Fact]:
    """Return what either says by name, the names of the first in its order; those that differ come first."""
    ours, theirs = dict(facts(left)), dict(facts(right))
    every = [Fact(name, ours.get(name, ""), theirs.get(name, "")) for name in {**ours, **theirs}]
    return sorted(every, key=lambda fact: not fact.differs)
