"""Embeddings of past batches as further negatives (cross-batch memory, Wang et al. 2020).

What differs in one small respect only is rare in a batch, and a model that never meets it learns nothing of it. The
embeddings drift slowly, so those of the last steps serve as negatives as well as fresh ones, at almost no cost.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

NOTHING = -1  # the group of a place that is not filled yet


class Remembered(NamedTuple):
    """Embeddings (n, dim) of n pairs; rows that describe each other have equal `groups` or `texts`, int64 (n)."""

    images: Tensor
    captions: Tensor
    groups: Tensor
    texts: Tensor

    def describes(self, batch: "Remembered") -> Tensor:
        """(batch, n) bool: which of these must not count as negatives for a row of `batch`."""
        same = (batch.groups[:, None] == self.groups) | (batch.texts[:, None] == self.texts)
        return same | (self.groups == NOTHING)


class Memory(nn.Module):
    """A ring of the last `size` pairs; part of a checkpoint, so that a resumed run remembers the same."""

    images: Tensor
    captions: Tensor
    groups: Tensor
    texts: Tensor
    place: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, dim))
        self.register_buffer("captions", torch.zeros(size, dim))
        self.register_buffer("groups", torch.full((size,), NOTHING))
        self.register_buffer("texts", torch.full((size,), NOTHING))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    def with_past(self, batch: Remembered) -> Remembered:
        """The batch's pairs, then the remembered ones, which take no gradient."""
        past = (self.images, self.captions, self.groups, self.texts)
        # Copies, since the ring is written before the gradients are computed.
        return Remembered(*(torch.cat((new, old)) for new, old in zip(batch, past, strict=True)))

    @torch.no_grad()
    def add(self, batch: Remembered) -> None:
        """Let the batch's pairs take the place of the oldest."""
        size = len(self.groups)
        if not size:
            return
        batch = Remembered(*(values[-size:] for values in batch))  # a place is written once
        rows = (self.place + torch.arange(len(batch.groups), device=self.place.device)) % size
        for name in Remembered._fields:
            getattr(self, name)[rows] = getattr(batch, name).detach().to(getattr(self, name).dtype)
        self.place.copy_((self.place + len(rows)) % size)
