"""An easier loss first, then the hardest negative: a start where max of hinges alone would collapse."""

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from workers.neural.losses.contrastive import ContrastiveConfig
from workers.neural.losses.max_hinge import MaxHingeConfig
from workers.neural.losses.sum_hinge import SumHingeConfig


@dataclass(frozen=True, slots=True)
class CurriculumConfig:
    """`first_epochs`: how many epochs use the first loss."""

    kind: Literal["curriculum"] = "curriculum"
    first: SumHingeConfig | ContrastiveConfig = field(default_factory=SumHingeConfig)
    then: MaxHingeConfig | SumHingeConfig = field(default_factory=MaxHingeConfig)
    first_epochs: int = 2

    def loss(self, scores: Tensor, same: Tensor, epoch: int) -> Tensor:
        """The first loss in epochs before `first_epochs` (counted from 0), the other from then on."""
        stage = self.first if epoch < self.first_epochs else self.then
        return stage.loss(scores, same, epoch)
