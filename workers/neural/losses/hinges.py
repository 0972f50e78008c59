"""What every hinge loss over a batch starts from."""

import torch
from torch import Tensor


def hinges(scores: Tensor, same: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """The terms max(0, margin − S(i,c) + S(i,c')) and max(0, margin − S(i,c) + S(i',c)), each (batch, batch).

    scores: (batch, batch), pictures × captions, the pairs on the diagonal. same: (batch, batch) bool, where a caption
    also describes another row's picture: those are never negatives and give 0, as does the diagonal.
    """
    pairs = scores.diagonal()
    not_negative = same | torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    captions = (margin - pairs.unsqueeze(1) + scores).clamp_min(0).masked_fill(not_negative, 0)
    pictures = (margin - pairs.unsqueeze(0) + scores).clamp_min(0).masked_fill(not_negative, 0)
    return captions, pictures
