"""How good a ranking is by what people judged. Pure functions of document ids, best first, and their grades, 0 to 3.

People judged what some model had found, so a document without a grade is one that nobody was shown, more often than a
bad one. Measures over the whole ranking count it as bad, which favours the model that was judged; `ndcg_of_judged`
leaves it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.services.judgements import RELEVANT
from workers.training.measures import gains
from workers.training.measures.gains import DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Ranking = Sequence[int]
    Grades = Mapping[int, int]


def ndcg(ranking: Ranking, grades: Grades) -> float:
    """nDCG@10 whose gains are the grades."""
    return gains.ndcg([grades.get(document, 0) for document in ranking], grades.values())


def ndcg_of_judged(ranking: Ranking, grades: Grades) -> float:
    """nDCG@10 of the ranking without the documents that nobody judged: a condensed list (Sakai 2007)."""
    return ndcg([document for document in ranking if document in grades], grades)


def success_at_1(ranking: Ranking, grades: Grades, relevant_from: int = RELEVANT) -> float:
    """Whether the first document is relevant."""
    return float(0 < first_relevant(ranking, grades, relevant_from) <= 1)


def success_at_10(ranking: Ranking, grades: Grades, relevant_from: int = RELEVANT) -> float:
    """Whether a relevant document is among the first ten."""
    return float(0 < first_relevant(ranking, grades, relevant_from) <= DEPTH)


def reciprocal_rank(ranking: Ranking, grades: Grades, relevant_from: int = RELEVANT) -> float:
    """1 divided by the rank of the first relevant document, 0 where the ranking has none; its mean is the MRR."""
    rank = first_relevant(ranking, grades, relevant_from)
    return 1 / rank if rank else 0.0


def first_relevant(ranking: Ranking, grades: Grades, relevant_from: int = RELEVANT) -> int:
    """Return the rank of the first relevant document, from 1; 0 where the ranking has none."""
    ranks = (rank for rank, document in enumerate(ranking, 1) if grades.get(document, 0) >= relevant_from)
    return next(ranks, 0)


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
