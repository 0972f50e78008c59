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
