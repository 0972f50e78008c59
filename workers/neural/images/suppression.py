"""Non-maximum suppression over a batch, as one operation that a graph can hold: its result has a fixed shape."""

import torch
from torch import Tensor
from torchvision.ops import nms


@torch.library.custom_op("sightline::kept_boxes", mutates_args=())
def kept_boxes(boxes: Tensor, scores: Tensor, overlap: float) -> Tensor:
    """Which boxes no better one of the same picture overlaps: (batch, n, 4), (batch, n) → bool (batch, n).

    Greedy, best first; two boxes overlap where they share more than `overlap` (intersection over union). A box whose
    score is not above 0 is no candidate.
    """
    kept = torch.zeros_like(scores, dtype=torch.bool)
    for row, (found, worth) in enumerate(zip(boxes, scores, strict=True)):
        candidates = worth.gt(0).nonzero()[:, 0]
        best = nms(found[candidates], worth[candidates], overlap)
        kept[row, candidates[best]] = True
    return kept


@kept_boxes.register_fake
def _(_boxes: Tensor, scores: Tensor, _overlap: float) -> Tensor:
    return torch.empty_like(scores, dtype=torch.bool)
