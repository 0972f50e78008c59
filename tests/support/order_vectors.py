"""Order embeddings that a model has learned: each thing has some of many traits, and each caption names a few of these.

Random vectors would say nothing about a search among them: a trained caption lies above its picture in few dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from workers.neural.losses.sum_hinge import SumHingeConfig
from workers.neural.similarity.order import OrderConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

TRAITS, HAS, NAMES = 80, 10, 4
STEPS, BATCH = 150, 48


def order_vectors(pictures: int, captions: int, dim: int, *, absolute: bool) -> tuple[Floats, Floats, float]:
    """Embeddings (pictures, dim) and (captions, dim) of unseen things, and how often a caption finds its own of 100."""
    torch.manual_seed(0)
    similarity = OrderConfig(absolute=absolute).build(dim)
    towers = nn.Linear(TRAITS, dim), nn.Linear(TRAITS, dim)
    loss = SumHingeConfig(margin=0.05)
    optimiser = torch.optim.Adam([*towers[0].parameters(), *towers[1].parameters()], 0.01)
    for step in range(STEPS):
        scores = similarity.scores(*_embedded(towers, similarity, *_things(BATCH)))
        none = torch.zeros_like(scores, dtype=torch.bool)
        total = loss.loss(scores, none, step) + loss.loss(scores.T, none, step)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    with torch.no_grad():
        few = similarity.scores(*_embedded(towers, similarity, *_things(100)))
        right = (few.argmax(0) == torch.arange(100)).float().mean()
        shown = _embedded(towers, similarity, *_things(pictures))[0]
        told = _embedded(towers, similarity, *_things(captions))[1]
    return shown.numpy(), told.numpy(), float(right)


def _things(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What pictures show, with noise, and what captions name of it: (count, TRAITS) both; some traits are common."""
    order = torch.multinomial(1 / torch.arange(5.0, 5 + TRAITS), count * TRAITS, replacement=True)
    has = torch.zeros(count, TRAITS).scatter_(1, order.view(count, TRAITS)[:, :HAS], 1.0)
    names = torch.zeros(count, TRAITS).scatter_(1, order.view(count, TRAITS)[:, :NAMES], 1.0)
    return has + 0.1 * torch.randn_like(has), names


def _embedded(towers, similarity, shown, named):
    return similarity.finish(towers[0](shown)), similarity.finish(towers[1](named))
