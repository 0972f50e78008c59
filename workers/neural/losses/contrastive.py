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
        """One direction: Σ over the queries of the cross-entropy; see `hinges` for the arguments."""
        logits = scores / self.temperature
        other = same & ~torch.eye(*scores.shape, dtype=torch.bool, device=scores.device)
        logits = logits.masked_fill(other, float("-inf"))
        return (logits.logsumexp(1) - logits.diagonal()).sum()
