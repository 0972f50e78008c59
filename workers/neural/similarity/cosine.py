"""Cosine: the inner product of unit vectors. Bigger is closer."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from workers.neural.errors import ModelConfigError
from workers.neural.layers import LENGTH_EPSILON, unit_length


@dataclass(frozen=True, slots=True)
class CosineConfig:
    """`parts`: the joint space is so many spaces of equal size side by side, and a score the mean of their cosines.

    A loss is taken in each of them by itself: they are an ensemble whose scores one inner product gives.
    """

    kind: Literal["cosine"] = "cosine"
    parts: int = 1

    def build(self, dim: int) -> "Cosine":
        """The similarity of `dim` dimensions. ModelConfigError where the parts cannot share these equally."""
        if self.parts < 1 or dim % self.parts:
            raise ModelConfigError(f"{self.parts} parts cannot share {dim} dimensions equally.")
        return Cosine(self)


class Cosine:
    """One contract for every similarity: `finish` makes the vectors that are stored, `scores` compares those.

    `spaces` gives what a loss is taken of.
    """

    def __init__(self, config: CosineConfig) -> None:
        self.parts = config.parts

    def finish(self, vectors: Tensor) -> Tensor:
        """An encoder's output (batch, dim) → the embedding (batch, dim) of unit length, float32."""
        if self.parts == 1:
            return unit_length(vectors)
        apart = vectors.reshape(-1, self.parts, vectors.shape[1] // self.parts)
        joined: Tensor = unit_length(apart).flatten(1) / self.parts**0.5
        return joined

    def finish_cells(self, cells: Tensor) -> Tensor:
        """Cells (batch, cells, dim) of an encoder's output, scaled so that their mean is what `finish` makes of it."""
        apart = cells.float().reshape(-1, cells.shape[1], self.parts, cells.shape[2] // self.parts)
        lengths = torch.linalg.vector_norm(apart.mean(1, keepdim=True), dim=3, keepdim=True)
        scaled: Tensor = (apart / (lengths.clamp_min(LENGTH_EPSILON) * self.parts**0.5)).flatten(2)
        return scaled

    def spaces(self, embeddings: Tensor) -> tuple[Tensor, ...]:
        """Embeddings (n, dim) → those of each part, (n, dim / parts), of unit length."""
        parts: tuple[Tensor, ...] = (embeddings * self.parts**0.5).chunk(self.parts, 1)
        return parts

    def scores(self, images: Tensor, captions: Tensor) -> Tensor:
        """Embeddings (n, dim) and (m, dim) → (n, m) in [−1, 1]."""
        return images.float() @ captions.float().T
