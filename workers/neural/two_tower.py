"""The two-tower model: an image encoder and a text encoder into one joint space."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workers.neural.family import ImageConfig, SimilarityConfig, TextConfig


@dataclass(frozen=True, slots=True)
class TwoTowerConfig:
    """Everything that decides the shape of the weights; what a bundle's native.json holds.

    `mirror`: a picture's embedding is that of the picture and of its mirror image together.
    """

    dim: int
    vocabulary: int
    image: ImageConfig
    text: TextConfig
    similarity: SimilarityConfig
    mirror: bool = False

    def build(self) -> "TwoTower":
        """The model with random weights."""
        return TwoTower(self)


class TwoTower(nn.Module):
    """`encode_image` and `encode_text` give embeddings (batch, dim), float32, of unit length."""

    def __init__(self, config: TwoTowerConfig) -> None:
        super().__init__()
        self.config = config
        self.image = config.image.build(config.dim)
        self.text = config.text.build(config.vocabulary, config.dim)
        self.similarity = config.similarity.build(config.dim)

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Pixels float32 (batch, 3, size, size), or (batch, crops, 3, size, size) → (batch, dim)."""
        if not self.config.mirror:
            return self.similarity.finish(self.image(pixels))
        both: Tensor = self.image(torch.cat((pixels, pixels.flip(-1))))
        return self.similarity.finish(both.view(2, -1, self.config.dim).mean(0))

    def encode_features(self, *views: Tensor) -> Tensor:
        """The image encoder's own features (batch, width) of one view, or of several together → (batch, dim)."""
        return self.similarity.finish(torch.stack([self.image.project(view) for view in views]).mean(0))

    def encode_text(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Tokens int64 (batch, length) padded with 0, lengths int64 (batch) → (batch, dim)."""
        return self.similarity.finish(self.text(tokens, lengths))
