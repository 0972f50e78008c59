"""An easier loss first, then the hardest negative: a start where max of hinges alone would collapse."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from workers.neural.losses.contrastive import ContrastiveConfig
from workers.neural.losses.hardest import HardestConfig
from workers.neural.losses.max_hinge import MaxHingeConfig
from workers.neural.losses.sum_hinge import SumHingeConfig


@dataclass(frozen=True, slots=True)
class CurriculumConfig:
    """`first_epochs`: how many epochs use the first loss; the second goes on from the last of them.

    With `patience` the first loss goes on until validation has not improved for so many epochs, not before
    `first_epochs` and, unless that is 0, at the latest after `first_at_most`; then the second begins from the best of
    them, with a new optimiser state and the schedule from its start (PH and POE). `lr`: the second's learning rate;
    0 for the optimiser's.
    """

    kind: Literal["curriculum"] = "curriculum"
    first: SumHingeConfig | ContrastiveConfig = field(default_factory=SumHingeConfig)
    then: MaxHingeConfig | SumHingeConfig | HardestConfig = field(default_factory=MaxHingeConfig)
    first_epochs: int = 2
    first_at_most: int = 0
    patience: int = 0
    lr: float = 0.0

    def loss(self, scores: Tensor, same: Tensor, epoch: int) -> Tensor:
        """The first loss in epochs before `first_epochs` (counted from 0), the other from then on."""
        return self.stage(second=epoch >= self.first_epochs).loss(scores, same, epoch)

    def stage(self, *, second: bool) -> SumHingeConfig | ContrastiveConfig | MaxHingeConfig | HardestConfig:
        """The loss of one stage; who trains by validation knows which."""
        return self.then if second else self.first

    def first_is_over(self, sums: Sequence[float]) -> bool:
        """Whether the first stage ends, given the validation sum of recalls of every epoch so far."""
        done = len(sums)
        if not self.patience:
            return done >= self.first_epochs
        if done < max(1, self.first_epochs):
            return False
        return epochs_without_better(sums) >= self.patience or 0 < self.first_at_most <= done


def epochs_without_better(sums: Sequence[float], since: int = 0) -> int:
    """How many epochs, from number `since` on, followed the best of all."""
    best = max(range(len(sums)), key=sums.__getitem__)
    return len(sums) - max(best + 1, since)
