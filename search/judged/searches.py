"""Judged searches: what was asked, and the grades that people agree on.

A third of all searches measure models and never train one: else a model would be asked what it has learned by heart.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Prefetch

from search.exports import CHUNK_ROWS, agreed_grades
from search.models import Judgement, Query, QueryPart
from search.services.judgements import RELEVANT
from workers.training.readers.listing import split_by_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

SEARCHES_MAX = 2_000
"""The newest so many are asked again: a few minutes for two models on two cores."""
MEASURING_PERCENT = 33
SECOND_PART = QueryPart.objects.filter(query=OuterRef("pk"), place=1)


@dataclass(frozen=True)
class JudgedSearch:
    """A search and the agreed grade of each document that was judged for it."""

    query: Query
    grades: dict[int, int]


def has_judged_searches() -> bool:
    """Return whether anybody found a hit relevant."""
    return bool(Judgement.objects.filter(grade__gte=RELEVANT).exists())


def measures_models(query: Query) -> bool:
    """Return whether a search measures models, else it trains them; the same photo or words always do the same."""
    return split_by_name(asked_for(query), MEASURING_PERCENT) == "val"


def asked_for(query: Query) -> str:
    """Return what searches for the same have in common: their photo, words or document."""
    part = query.part
    words = " ".join(query.text.casefold().split())
    return (part and part.preview_id) or words or f"document {part.document_id if part else None}"


def liked_searches(collection: int | None = None) -> QuerySet[Query]:
    """Return the searches of one part, the newest first, for which somebody found a document relevant.

    With a `collection`, a document of that one.
    """
    liked = Judgement.objects.filter(query=OuterRef("pk"), grade__gte=RELEVANT)
    if collection is not None:
        liked = liked.filter(document__collection=collection)
    return Query.objects.filter(Exists(liked), ~Exists(SECOND_PART)).order_by("-created_at")


def judged_searches(limit: int = SEARCHES_MAX) -> Sequence[JudgedSearch]:
    """Return the newest measuring searches for which a document was found relevant; others tell no model from another.

    Of one part: what several parts together ask for also depends on how they are composed. Their users and parts are
    loaded.
    """
    found: dict[object, dict[int, int]] = {}
    parts = Prefetch("parts", QueryPart.objects.defer("embedding").select_related("preview"))
    rows = liked_searches().defer("answer").select_related("user").prefetch_related(parts)
    queries = list(islice(filter(measures_models, rows.iterator(CHUNK_ROWS)), limit))
    for query_id, document_id, grade in agreed_grades(Judgement.objects.filter(query__in=queries)):
        found.setdefault(query_id, {})[document_id] = grade
    judged = (JudgedSearch(query, found.get(query.pk, {})) for query in queries)
    return [search for search in judged if max(search.grades.values(), default=0) >= RELEVANT]
