"""Symmetric InfoNCE: each picture must pick its caption among the batch's, and each caption its picture (CLIP)."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class ContrastiveConfig:
    """`temperature` divides the scores; smaller ones look at the hardest negatives only."""

    kind: Literal["contrastive"] = "contrastive"
    temperature: float = 0.07

    def loss(self, scores: Tensor, same: Tensor, epoch: int) -> Tensor:
        """Σ over the batch of both directions' cross-entropy; `same` and the other arguments as in `hinges`."""
        logits = scores / self.temperature
        other = same & ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        logits = logits.masked_fill(other, float("-inf"))
        pairs = logits.diagonal()
        return (logits.logsumexp(1) - pairs).sum() + (logits.logsumexp(0) - pairs).sum()
