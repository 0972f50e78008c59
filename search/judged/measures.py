"""How good a ranking is by what people judged. Pure functions of document ids, best first, and their grades, 0 to 3.

People judged what some model had found, so a document without a grade is one that nobody was shown, more often than a
bad one. Measures over the whole ranking count it as bad, which favours the model that was judged; `ndcg_of_judged`
leaves it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from search.services.judgements import RELEVANT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Ranking = Sequence[int]
    Grades = Mapping[int, int]

DEPTH = 10


def ndcg(ranking: Ranking, grades: Grades) -> float:
    """nDCG@10 (Järvelin and Kekäläinen 2002): the grade is the gain, log2(rank + 1) the discount, as in trec_eval."""
    best = _dcg(sorted(grades.values(), reverse=True))
    return _dcg([grades.get(document, 0) for document in ranking]) / best if best else 0.0


def ndcg_of_judged(ranking: Ranking, grades: Grades) -> float:
    """nDCG@10 of the ranking without the documents that nobody judged: a condensed list (Sakai 2007)."""
    return ndcg([document for document in ranking if document in grades], grades)


def success_at_1(ranking: Ranking, grades: Grades) -> float:
    """Whether the first document is relevant."""
    return float(_relevant(ranking[:1], grades))


def success_at_10(ranking: Ranking, grades: Grades) -> float:
    """Whether a relevant document is among the first ten."""
    return float(_relevant(ranking[:DEPTH], grades))


def judged_at_10(ranking: Ranking, grades: Grades) -> float:
    """The share of the first ten places whose document was judged: how much the others can be trusted."""
    return sum(document in grades for document in ranking[:DEPTH]) / DEPTH


MEASURES: dict[str, Callable[[Ranking, Grades], float]] = {
    "ndcg_at_10": ndcg,
    "ndcg_at_10_of_judged": ndcg_of_judged,
    "success_at_1": success_at_1,
    "success_at_10": success_at_10,
    "judged_at_10": judged_at_10,
}


def _relevant(documents: Ranking, grades: Grades) -> bool:
    return any(grades.get(document, 0) >= RELEVANT for document in documents)


def _dcg(gains: Sequence[int]) -> float:
    first = np.asarray(gains[:DEPTH], np.float64)
    return float((first / np.log2(np.arange(len(first)) + 2)).sum())
