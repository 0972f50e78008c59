"""The measures of retrieval, from the places of the right items. Shares are percent, ranks count from 1."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workers.training.measures.gains import discounts
from workers.training.measures.places import KEPT, Places

CUTS = (1, 3, 5, 10)
SUMMED = (1, 5, 10)
"""The cuts whose R@k, in both directions, make the sum of recalls."""


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of retrieval, in percent but for the ranks.

    `r1` … `r10` are success@k, which the papers call R@k: the share of queries with at least one right item among the
    first k. `recall1` … `recall10` are TREC's recall@k: of a query's right items, the share found among the first k,
    averaged over the queries. `p1`, `p3`: right items among the first k, divided by k. `median_rank`, `mean_rank`: of
    the best right item; `mrr` is the mean of its reciprocal. `ndcg10`: gain 1, discount 1 / log₂(1 + rank), divided
    by the best that the first ten could hold (Järvelin and Kekäläinen 2002).
    """

    queries: int
    r1: float
    r3: float
    r5: float
    r10: float
    recall1: float
    recall3: float
    recall5: float
    recall10: float
    p1: float
    p3: float
    median_rank: float
    mean_rank: float
    mrr: float
    ndcg10: float


@dataclass(frozen=True, slots=True)
class Quality:
    """Both directions; `sum_of_recalls` adds their six R@1, R@5, R@10 (0 to 600)."""

    image_to_text: Direction
    text_to_image: Direction

    @property
    def sum_of_recalls(self) -> float:
        """R@1 + R@5 + R@10 of both directions, as the papers add them."""
        return sum(d.r1 + d.r5 + d.r10 for d in (self.image_to_text, self.text_to_image))

    def to_json(self) -> dict[str, Any]:
        """Plain data under names that say what is measured."""
        return {**asdict(self), "sum_of_recalls": self.sum_of_recalls, "ties": "worst", "unit": "percent"}


def direction_of(places: Places) -> Direction:
    """All measures of one direction."""
    ranks = places.ranks
    found = {k: (places.first <= k).sum(1) for k in CUTS}
    measures = {f"r{k}": _percent(found[k] > 0) for k in CUTS}
    measures |= {f"recall{k}": _percent(found[k] / places.right) for k in CUTS}
    return Direction(
        queries=len(places),
        **measures,
        p1=_percent(found[1]),
        p3=_percent(found[3] / 3),
        median_rank=float(np.median(ranks)),
        mean_rank=float(ranks.mean()),
        mrr=_percent(1 / ranks),
        ndcg10=_percent(_gains(places)),
    )


def _gains(places: Places) -> Any:
    """nDCG@10 of each query, 0 to 1."""
    best = np.cumsum(discounts(np.arange(1, KEPT + 1)))
    return discounts(places.first).sum(1) / best[np.minimum(places.right, KEPT) - 1]


def _percent(values: Any) -> float:
    return 100 * float(np.mean(values))
