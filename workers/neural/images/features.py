"""The part that all image encoders of one feature vector share: features → (normalised) → linear map → joint space."""

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from workers.neural.layers import LENGTH_EPSILON, unit_length

DEVIATION_EPSILON = 1e-3


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """`features`: as they are, of unit length, or standardised with the training pictures' mean and deviation."""

    features: Literal["plain", "unit", "standard"] = "plain"
    bias: bool = True
    dropout: float = 0.0


class FeatureEncoder(nn.Module):
    """pixels (batch, 3, height, width), or (batch, crops, 3, height, width) → (batch, dim), not yet unit length.

    The features of several crops are averaged. `features` and `project` are its two halves, so that a frozen network's
    features can be computed once. `shape` is that of one view's features; `stored_half` says that float16 is
    enough to keep them.
    """

    stored_half = False

    def __init__(self, trunk: nn.Module, width: int, dim: int, config: HeadConfig) -> None:
        super().__init__()
        self.trunk = trunk
        self.shape: tuple[int, ...] = (width,)
        self.config = config
        self.dropout = nn.Dropout(config.dropout)
        linear = nn.Linear(width, dim, bias=config.bias)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))
        nn.init.xavier_uniform_(linear.weight)
        if config.bias:
            nn.init.zeros_(linear.bias)
        self.linear: nn.Module = linear

    @property
    def width(self) -> int:
        """How many values the last axis of one view's features has."""
        return self.shape[-1]

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        return self.project(self.features(pixels))

    def features(self, pixels: Tensor) -> Tensor:
        """Pixels → features (batch, *shape) of the trunk, the mean over crops where there are several."""
        if pixels.dim() == 4:
            return cast("Tensor", self.trunk(pixels))
        crops: Tensor = self.trunk(pixels.flatten(0, 1))
        return crops.view(-1, pixels.shape[1], *crops.shape[1:]).mean(1)

    def project(self, features: Tensor) -> Tensor:
        """Features (batch, width) → (batch, dim)."""
        projected: Tensor = self.linear(self.dropout(self._normalised(features)))
        return projected

    def project_cells(self, cells: Tensor) -> Tensor:
        """Cells (batch, cells, width) whose mean is a picture's features → (batch, cells, dim) with the mean `project`.

        So it is where that is linear: each cell gets the whole bias, and the length is that of the picture's features.
        """
        if self.config.features == "unit":
            lengths = torch.linalg.vector_norm(cells.mean(1, keepdim=True), dim=2, keepdim=True)
            mapped: Tensor = self.linear(cells / lengths.clamp_min(LENGTH_EPSILON))
            return mapped
        return self.project(cells)

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Keep the training pictures' mean and deviation (width) for `standard` features."""
        self.mean = mean.float()
        self.deviation = deviation.float().clamp_min(DEVIATION_EPSILON)

    def _normalised(self, features: Tensor) -> Tensor:
        if self.config.features == "unit":
            return unit_length(features)
        if self.config.features == "standard":
            return (features - self.mean) / self.deviation
        return features
