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

    from search.retrieval.types import EncodedQuery, RetrieverName, Unit
    from search.vectors.tables import VectorTable

EXACT = 1000.0
"""What an exact identifier adds to `standard`: more than anything else can."""
SHOWN_DEVIATIONS = 5.0
"""How fast the score that is shown nears 1. What is as close as any other document and has none of the words has ½."""


def fuse(found: Sequence[Candidates], query: EncodedQuery, table: VectorTable) -> Candidates:
    """Return all units that the retrievers found, with one score each; of one retriever, its candidates as they are,
    and so of vectors beside which no identifier was found.

    The score is between 0 and 1, and 1 more where an identifier names the document; `standard` is what it comes from.
    """
    found = _without_idle(found)
    if len(found) == 1:
        return found[0]
    units: dict[int, Unit] = {}
    by_name: dict[RetrieverName, dict[int, float]] = {}
    for each in found:  # the vectors come last, and have `standard`
        units |= {unit.unit_id: unit for unit in each.units}
        if each.retriever:
            by_name.setdefault(each.retriever, {}).update((unit.unit_id, unit.score) for unit in each.units)
    words = np.array([by_name.get("lexical", {}).get(unit_id, 0.0) for unit_id in units])
    exact = np.array([unit_id in by_name.get("identifiers", {}) for unit_id in units], dtype=bool)
    scores, standard = _by_vectors(query, table, units, by_name.get("dense", {}))
    total = standard + words
    shown = 1 / (1 + np.exp(-total / SHOWN_DEVIATIONS)) + exact
    fused = tuple(
        replace(
            unit,
            score=float(shown[place]),
            standard=float(total[place] + EXACT * exact[place]),
            found_by=tuple(name for name, scores in by_name.items() if unit.unit_id in scores),
            by_vectors=None if np.isnan(scores[place]) else float(scores[place]),
        )
        for place, unit in enumerate(units.values())
    )
    leading = next((each for each in found if each.retriever == "dense" and each.units), found[0])
    plan = replace(leading.plan, retrievers=tuple(by_name))
    return Candidates(fused, plan, all(each.exhausted for each in found), retriever=None)


def _without_idle(found: Sequence[Candidates]) -> Sequence[Candidates]:
    """Return the vectors' candidates alone where beside them only identifiers were asked, and none was found."""
    answered = [each for each in found if each.units or each.retriever != "identifiers"]
    return answered if [each.retriever for each in answered] == ["dense"] else found


def _by_vectors(
    query: EncodedQuery, table: VectorTable, units: dict[int, Unit], found: dict[int, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores by vectors `(units,)`, NaN where there is none, and these standardised, 0 where there is none.

    Units that the vectors did not find are scored exactly; of a composed query, whose scores are shares of the best
    candidate's, they count as the last that was found.
    """
    scores, standard = np.full(len(units), np.nan), np.zeros(len(units))
    asked = query.known
    if query.nothing_known or not units:
        return scores, standard
    others = [place for place, unit_id in enumerate(units) if unit_id not in found]
    for place, unit in enumerate(units.values()):
        if unit.unit_id in found:
            scores[place], standard[place] = unit.score, unit.standard or 0.0
    if others and len(asked.parts) == 1:
        ids = list(units)
        exact = unit_scores(asked, table, [ids[place] for place in others])
        scores[others] = exact[:, 0]
        standard[others] = np.nan_to_num(standardise(exact, asked, table)[:, 0])
    elif others:
        standard[others] = min(
            (unit.standard or 0.0 for unit in units.values() if unit.unit_id in found), default=0.0
        )
    return scores, standard
