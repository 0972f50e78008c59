"""The document of a pair as a hit: by what the search found in it, without a score, which would tell what to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.retrieval.present import hits_of
from search.retrieval.types import Hit, RankedDocument
from search.units.registry import unit_kind_of

if TYPE_CHECKING:
    from search.models import JudgingPair


def candidate(pair: JudgingPair) -> Hit:
    """Return the document with its best unit in the kept answer; without one where the search did not find it."""
    query, document = pair.query, pair.document
    kind = unit_kind_of(query.target).name
    found = next((hit for hit in query.answer if hit["document"] == document.pk), None)
    if found:
        ranked = RankedDocument(document.pk, found[kind], 0.0)
        for hit in hits_of([ranked], kind, [document.collection_id]):
            return hit
    return Hit(1, 0.0, document, kind=kind, cover=document.images.first())
