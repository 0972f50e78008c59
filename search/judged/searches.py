"""Judged searches: what was asked, and the grades that people agree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.exports import agreed_grades
from search.models import Judgement, Query
from search.services.judgements import RELEVANT

if TYPE_CHECKING:
    from collections.abc import Sequence

SEARCHES_MAX = 2_000
"""The newest so many are asked again: a few minutes for two models on two cores."""


@dataclass(frozen=True)
class JudgedSearch:
    """A search and the agreed grade of each document that was judged for it."""

    query: Query
    grades: dict[int, int]


def has_judged_searches() -> bool:
    """Return whether anybody found a hit relevant."""
    return bool(Judgement.objects.filter(grade__gte=RELEVANT).exists())


def judged_searches(limit: int = SEARCHES_MAX) -> Sequence[JudgedSearch]:
    """Return the newest searches for which a document was found relevant; others tell no model from another."""
    found: dict[object, dict[int, int]] = {}
    newest = Query.objects.filter(judgements__grade__gte=RELEVANT).distinct().order_by("-created_at")
    queries = list(newest.defer("embedding", "answer").select_related("user", "preview")[:limit])
    for query_id, document_id, grade in agreed_grades(Judgement.objects.filter(query__in=queries)):
        found.setdefault(query_id, {})[document_id] = grade
    judged = (JudgedSearch(query, found.get(query.pk, {})) for query in queries)
    return [search for search in judged if max(search.grades.values(), default=0) >= RELEVANT]
