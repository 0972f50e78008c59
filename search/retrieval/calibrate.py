"""Calibrate: from scores to the probability that a document is relevant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.retrieval.types import RankedDocument, Ranking

if TYPE_CHECKING:
    from search.retrieval.types import Candidates

SCORE_DECIMALS = 6
"""What is shown, and kept to be shown again."""


def calibrate(grouped: Candidates, kind: str) -> Ranking:
    """Return the ranking of documents by their best units of this kind.

    No version has a calibration, so the relevance of every document is None: unknown.
    """
    documents = tuple(
        RankedDocument(unit.document_id, unit.unit_id, round(unit.score, SCORE_DECIMALS), relevance=None)
        for unit in grouped.units
    )
    return Ranking(documents, kind, grouped.plan, more=not grouped.exhausted)
