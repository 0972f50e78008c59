"""Sum of hinges: every negative of the batch counts (UVS, Kiros et al. 2014; VSE++, equation 5)."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from workers.neural.losses.hinges import hinges


@dataclass(frozen=True, slots=True)
class SumHingeConfig:
    """`margin` is α of the papers."""

    kind: Literal["sum-hinge"] = "sum-hinge"
    margin: float = 0.2

    def loss(self, scores: Tensor, same: Tensor, epoch: int) -> Tensor:
        """One direction: Σ over the queries and all their negatives; see `hinges` for the arguments."""
        return hinges(scores, same, self.margin).sum()
