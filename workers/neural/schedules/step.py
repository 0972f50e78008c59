"""The learning rate falls by a factor every so many epochs."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class StepScheduleConfig:
    """VSE++: a tenth after every 15 epochs."""

    kind: Literal["step"] = "step"
    every_epochs: int = 15
    factor: float = 0.1

    def lr_factor(self, epoch: float, epochs: int) -> float:
        """The factor of the base learning rate at `epoch` (may lie within one) of `epochs`."""
        return float(self.factor ** int(epoch // self.every_epochs))
