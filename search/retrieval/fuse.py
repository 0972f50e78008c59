"""Fuse: from the candidates of every retriever to one ranking."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from search.retrieval.group import best_by_document
from search.retrieval.types import Candidates, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

K = 60
"""Of reciprocal rank fusion (Cormack, Clarke & Büttcher 2009), as there."""
WEIGHTS: Mapping[str, float] = {"dense": 1.0, "lexical": 1.0, "identifiers": 0.0}
EXACT = "identifiers"
"""The retriever whose documents stand before all others."""


def fuse(found: Sequence[Candidates], passed: int = 0) -> Candidates:
    """Return one ranking of the documents that the retrievers found; of one retriever, its
    candidates as they are, and so of vectors beside which no identifier was found.

    A document's score is its reciprocal ranks, weighted, as a share of what the first place of every retriever would
    give: 0 to 1, and 1 more where an identifier names it. `passed` documents stand before these already. The unit
    shown is that of the retriever that counted most.
    """
    answered = [each for each in found if each.units or each.retriever != EXACT]
    if len(found) == 1 or [each.retriever for each in answered] == ["dense"]:
        return answered[-1] if answered else found[0]
    documents = _Documents(sum(WEIGHTS[each.retriever] for each in found))
    for each in found:
        documents.add(each, passed)
    plan = next((each.plan for each in found if each.retriever == "dense" and each.units), found[-1].plan)
    plan = replace(plan, retrievers=tuple(each.retriever for each in found))
    return Candidates(documents.units(), plan, all(each.exhausted for each in found), retriever="fused")


class _Documents:
    """The documents that were found, with what each retriever adds."""

    def __init__(self, weights: float) -> None:
        self._weights = weights
        self._scores: dict[int, float] = {}
        self._units: dict[int, tuple[float, int]] = {}
        self._found_by: dict[int, tuple[str, ...]] = {}

    def add(self, found: Candidates, passed: int) -> None:
        """Add what one retriever found, by rank; a document counts by its best unit."""
        for rank, unit in enumerate(best_by_document(found.units), passed + 1):
            document = unit.document_id
            share = WEIGHTS[found.retriever] * (K + 1) / (K + rank) / self._weights
            share += found.retriever == EXACT
            self._scores[document] = self._scores.get(document, 0.0) + share
            self._units[document] = max(self._units.get(document, (0.0, 0)), (share, unit.unit_id))
            self._found_by[document] = (*self._found_by.get(document, ()), found.retriever)

    def units(self) -> tuple[Unit, ...]:
        """Return a unit for each document, best first."""
        ranked = sorted(self._scores, key=lambda document: (-self._scores[document], document))
        return tuple(
            Unit(
                self._units[document][1],
                document,
                self._scores[document],
                found_by=self._found_by[document],
            )
            for document in ranked
        )
