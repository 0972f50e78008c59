"""Sum of hinges first, then the hardest negative only: a start where max of hinges alone would collapse."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from workers.neural.losses.max_hinge import MaxHingeConfig
from workers.neural.losses.sum_hinge import SumHingeConfig


@dataclass(frozen=True, slots=True)
class SumThenMaxConfig:
    """`sum_epochs`: how many epochs use the sum."""

    kind: Literal["sum-then-max"] = "sum-then-max"
    margin: float = 0.2
    sum_epochs: int = 2

    def loss(self, scores: Tensor, same: Tensor, epoch: int) -> Tensor:
        """The sum of hinges in epochs before `sum_epochs` (counted from 0), the max of hinges from then on."""
        if epoch < self.sum_epochs:
            return SumHingeConfig(margin=self.margin).loss(scores, same, epoch)
        return MaxHingeConfig(margin=self.margin).loss(scores, same, epoch)
