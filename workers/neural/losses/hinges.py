"""What every hinge loss starts from."""

import torch
from torch import Tensor


def hinges(scores: Tensor, same: Tensor, margin: float) -> Tensor:
    """One direction's terms max(0, margin − S(q, its own) + S(q, other)), (queries, candidates).

    scores: (queries, candidates), each query's own candidate on the diagonal; the first candidates are the batch's,
    further ones may follow. same: bool of the same shape, where a candidate is right for another's query too: those are
    never negatives and give 0, as does the diagonal.
    """
    own = scores.diagonal().unsqueeze(1)
    return (margin - own + scores).clamp_min(0).masked_fill(~negatives(same), 0)


def negatives(same: Tensor) -> Tensor:
    """Which candidates are wrong for the query, bool (queries, candidates)."""
    return ~(same | torch.eye(*same.shape, dtype=torch.bool, device=same.device))
