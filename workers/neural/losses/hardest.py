"""The K hardest negatives of each query count: between the max of hinges (K = 1) and their sum."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from workers.neural.losses.hinges import hinges


@dataclass(frozen=True, slots=True)
class HardestConfig:
    """`count` is K. `reduce`: the `sum` of their hinges, K times as large a gradient, or their `mean`."""

    kind: Literal["hardest"] = "hardest"
    margin: float = 0.2
    count: int = 1
    reduce: Literal["sum", "mean"] = "sum"

    def loss(self, scores: Tensor, same: Tensor, epoch: int) -> Tensor:
        """One direction: Σ over the queries; see `hinges` for the arguments."""
        return hardest_terms(hinges(scores, same, self.margin), self.count, self.reduce)


def hardest_terms(terms: Tensor, count: int, reduce: Literal["sum", "mean"]) -> Tensor:
    """Σ over the rows of `terms` (queries, candidates) of the sum or mean of each row's `count` largest."""
    hardest = terms.topk(min(count, terms.shape[1]), dim=1).values
    return (hardest.sum(1) if reduce == "sum" else hardest.mean(1)).sum()
