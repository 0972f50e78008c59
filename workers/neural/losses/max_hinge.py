"""Max of hinges: only the hardest negative of the batch counts (VSE++, equation 6)."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from workers.neural.losses.hinges import hinges


@dataclass(frozen=True, slots=True)
class MaxHingeConfig:
    """`margin` is α of the papers."""

    kind: Literal["max-hinge"] = "max-hinge"
    margin: float = 0.2

    def loss(self, scores: Tensor, same: Tensor, epoch: int) -> Tensor:
        """One direction: Σ over the queries of the hardest candidate's hinge; see `hinges` for the arguments."""
        return hinges(scores, same, self.margin).amax(1).sum()
