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
        """Σ over the batch of the hardest caption's and the hardest picture's hinge; see `hinges` for the arguments."""
        captions, pictures = hinges(scores, same, self.margin)
        return captions.amax(1).sum() + pictures.amax(0).sum()
