"""Low confidence: hits of kept searches that lie near the line between relevant and not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.models import Document, Query

if TYPE_CHECKING:
    from uuid import UUID

    from search.models import Collection

QUERIES_LOOKED_AT = 500
"""The newest searches that are looked through."""
HITS_LOOKED_AT = 50
HITS_OF_A_QUERY = 5
PAIRS_MAX = 200
LINE = 0.5
OF_STRENGTH = {"fair": 0.25, "weak": 0.35}
"""How far from the line a hit counts where its relevance is not known: behind those that are known to lie near it."""
FARTHEST = 0.4
WEAK_MATCH = 0.05
"""By how much nearer the hits of a search count of which nothing matched well."""


def unsure_pairs(collection: Collection) -> list[tuple[UUID, int]]:
    """Return the pairs nearest to the line of the newest searches, at most five of a search, nearest first."""
    near: list[tuple[float, UUID, int]] = []
    newest = Query.objects.filter(marked__isnull=True).order_by("-created_at")
    rows = newest.values_list("pk", "match", "answer")[:QUERIES_LOOKED_AT]
    for query, match, answer in rows.iterator(chunk_size=50):
        ranked = sorted((distance(hit, match), hit["document"]) for hit in answer[:HITS_LOOKED_AT])
        near += [(far, query, document) for far, document in ranked if far <= FARTHEST]
    wanted = {document for _, _, document in near}
    own = set(Document.objects.filter(collection=collection, pk__in=wanted).values_list("pk", flat=True))
    return _few_of_each([one for one in sorted(near, key=lambda one: one[0]) if one[2] in own])


def distance(hit: dict[str, Any], match: str) -> float:
    """Return how far a hit of a kept answer is from the line, 0 to 1."""
    relevance = hit.get("relevance")
    far = OF_STRENGTH.get(hit.get("strength", ""), 1.0) if relevance is None else abs(relevance - LINE)
    return far - WEAK_MATCH if match == "weak" else far


def _few_of_each(near: list[tuple[float, UUID, int]]) -> list[tuple[UUID, int]]:
    taken: dict[UUID, int] = {}
    pairs = []
    for _, query, document in near:
        if taken.setdefault(query, 0) < HITS_OF_A_QUERY:
            taken[query] += 1
            pairs.append((query, document))
    return pairs[:PAIRS_MAX]
