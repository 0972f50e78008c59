"""Fuse: from the candidates of every retriever to one ranking.

A unit's score is its standardised score by vectors plus its score by words. Ranks are not fused: a first place says
nothing of how good it is. `python -m bench.fusing` compares both, and found the weights of words (lexical.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from search.retrieval.scoring import standardise, unit_scores
from search.retrieval.types import Candidates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from search.retrieval.types import EncodedQuery
    from search.vectors.tables import VectorTable

EXACT = 1000.0
"""What an exact identifier adds to `standard`: more than anything else can."""
SHOWN_DEVIATIONS = 5.0
"""How fast the score that is shown nears 1. What is as close as any other document and has none of the words has ½."""


def fuse(found: Sequence[Candidates], query: EncodedQuery, table: VectorTable) -> Candidates:
    """Return all units that the retrievers found, with one score each; of one retriever, its candidates as they are.

    The score is between 0 and 1, and 1 more where an identifier names the document; `standard` is what it comes from.
    """
    if len(found) == 1:
        return found[0]
    units = {unit.unit_id: unit for each in reversed(found) for unit in each.units}
    by_name = {each.retriever: {unit.unit_id: unit.score for unit in each.units} for each in found}
    words = np.array([by_name.get("lexical", {}).get(unit_id, 0.0) for unit_id in units])
    exact = np.array([unit_id in by_name.get("identifiers", {}) for unit_id in units], dtype=bool)
    vectors = _by_vectors(query, table, by_name.get("dense", {}), list(units))
    total = _standard(query, table, vectors) + words
    shown = 1 / (1 + np.exp(-total / SHOWN_DEVIATIONS)) + exact
    fused = tuple(
        replace(
            unit,
            score=float(shown[place]),
            standard=float(total[place] + EXACT * exact[place]),
            found_by=tuple(name for name, scores in by_name.items() if unit.unit_id in scores),
            by_vectors=None if np.isnan(vectors[place]) else float(vectors[place]),
        )
        for place, unit in enumerate(units.values())
    )
    leading = next((each for each in found if each.retriever == "dense" and each.units), found[0])
    plan = replace(leading.plan, retrievers=tuple(by_name))
    return Candidates(fused, plan, all(each.exhausted for each in found), retriever="fused")


def _by_vectors(
    query: EncodedQuery, table: VectorTable, scores: dict[int, float], units: list[int]
) -> NDArray[np.float32]:
    """Return the scores by vectors `(units,)`, NaN for a unit that has no vector yet, or where the query says nothing.

    Units that the vectors did not find are scored exactly.
    """
    if query.nothing_known or not units:
        return np.full(len(units), np.nan, np.float32)
    others = [unit_id for unit_id in units if unit_id not in scores]
    known = dict(scores)
    if others:
        known |= dict(zip(others, unit_scores(query, table, others)[:, 0].tolist(), strict=True))
    return np.array([known[unit_id] for unit_id in units], np.float32)


def _standard(query: EncodedQuery, table: VectorTable, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the standardised scores `(units,)`: 0, that of any other unit, for one that has none."""
    if np.isnan(scores).all():
        return np.zeros(len(scores))
    return np.nan_to_num(standardise(scores[:, None], query, table)[:, 0].astype(float))
