"""The two-tower model: an image encoder and a text encoder into one joint space."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.neural.errors import ModelConfigError
from workers.neural.family import ImageConfig, SimilarityConfig, TextConfig

SCALE_MIN, SCALE_MAX, MAX_SCALES = 0.5, 2.0, 4


@dataclass(frozen=True, slots=True)
class TwoTowerConfig:
    """What decides the shape of the weights, and what of a picture is looked at; what a bundle's native.json holds.

    A picture's embedding is that of several views together: of the picture in each of the `scales`, shares of the side
    it was prepared to, and, by `mirror`, of its mirror image in each.
    """

    embedding_dim: int
    vocabulary: int
    image: ImageConfig
    text: TextConfig
    similarity: SimilarityConfig
    mirror: bool = False
    scales: tuple[float, ...] = (1.0,)

    def build(self) -> "TwoTower":
        """The model with random weights. Raises ModelConfigError for scales that are none."""
        if not 0 < len(self.scales) <= MAX_SCALES or not all(
            SCALE_MIN <= scale <= SCALE_MAX for scale in self.scales
        ):
            raise ModelConfigError(
                f"scales must be 1 to {MAX_SCALES} numbers from {SCALE_MIN} to {SCALE_MAX}, not {list(self.scales)}."
            )
        return TwoTower(self)


class TwoTower(nn.Module):
    """`encode_image` and `encode_text` give embeddings (batch, dim), float32, of unit length."""

    def __init__(self, config: TwoTowerConfig) -> None:
        super().__init__()
        self.config = config
        self.image = config.image.build(config.embedding_dim)
        self.text = config.text.build(config.vocabulary, config.embedding_dim)
        self.similarity = config.similarity.build(config.embedding_dim)

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Pixels float32 (batch, 3, size, size), or (batch, crops, 3, size, size) → (batch, dim)."""
        sides = torch.cat((pixels, pixels.flip(-1))) if self.config.mirror else pixels
        views = torch.cat([self.image(scaled(sides, scale)) for scale in self.config.scales])
        count = len(self.config.scales) * (1 + self.config.mirror)
        return self.similarity.finish(
            views.view(count, -1, self.config.embedding_dim).mean(0) if count > 1 else views
        )

    def encode_features(self, *views: Tensor) -> Tensor:
        """The image encoder's own features (batch, width) of one view, or of several together → (batch, dim)."""
        return self.similarity.finish(torch.stack([self.image.project(view) for view in views]).mean(0))

    def encode_text(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Tokens int64 (batch, length) padded with 0, lengths int64 (batch) → (batch, dim)."""
        return self.similarity.finish(self.text(tokens, lengths))


def scaled(pixels: Tensor, scale: float) -> Tensor:
    """Prepared pictures (batch, 3, size, size) at another size, by linear interpolation."""
    if scale == 1:
        return pixels
    side = round(pixels.shape[-1] * scale)
    return functional.interpolate(pixels, size=(side, side), mode="bilinear", align_corners=False)
