"""Cosine: the inner product of unit vectors. Bigger is closer."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from workers.neural.layers import unit_length


@dataclass(frozen=True, slots=True)
class CosineConfig:
    """Has no settings."""

    kind: Literal["cosine"] = "cosine"

    def build(self) -> "Cosine":
        """The similarity."""
        return Cosine()


class Cosine:
    """One contract for every similarity: `finish` makes the vectors that are stored, `scores` compares those."""

    def finish(self, vectors: Tensor) -> Tensor:
        """An encoder's output (batch, dim) → the embedding (batch, dim) of unit length, float32."""
        return unit_length(vectors)

    def scores(self, images: Tensor, captions: Tensor) -> Tensor:
        """Embeddings (n, dim) and (m, dim) → (n, m) in [−1, 1]."""
        return images.float() @ captions.float().T
