"""The learning rate rises linearly over a warm-up, then falls along half a cosine to zero."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CosineScheduleConfig:
    """`warmup_epochs` may be a fraction."""

    kind: Literal["cosine"] = "cosine"
    warmup_epochs: float = 1.0

    def lr_factor(self, epoch: float, epochs: int) -> float:
        """The factor of the base learning rate at `epoch` (may lie within one) of `epochs`."""
        if epoch < self.warmup_epochs:
            return (epoch + 0.01) / (self.warmup_epochs + 0.01)
        done = (epoch - self.warmup_epochs) / max(epochs - self.warmup_epochs, 1e-9)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
