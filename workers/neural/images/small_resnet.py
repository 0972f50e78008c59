"""A narrow residual network for small pictures: trains from scratch on a CPU, and fits into a few megabytes."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from workers.neural.images.features import FeatureEncoder, HeadConfig


@dataclass(frozen=True, slots=True)
class SmallResnetConfig:
    """`widths` and `blocks`: channels and residual blocks of each stage; each stage after the first halves the map."""

    kind: Literal["small-resnet"] = "small-resnet"
    widths: tuple[int, ...] = (32, 64, 128, 192)
    blocks: tuple[int, ...] = (1, 2, 2, 2)
    head: HeadConfig = field(default_factory=HeadConfig)

    def build(self, dim: int) -> FeatureEncoder:
        """The encoder into `dim` dimensions, with random weights."""
        network, width = self.build_trunk()
        return FeatureEncoder(network, width, dim, self.head)

    def build_trunk(self) -> tuple[nn.Module, int]:
        """The network, and the number of its features: the last map's channels, averaged and at their strongest."""
        return SmallResnet(self), 2 * self.widths[-1]


class SmallResnet(nn.Module):
    """Pixels (batch, 3, height, width) → each channel's mean and maximum over the map (batch, 2 × last width).

    The maximum keeps what is small in the picture, a crack or a drop, which a mean dilutes.
    """

    def __init__(self, config: SmallResnetConfig) -> None:
        super().__init__()
        first = config.widths[0]
        # Overlapping patches at once: maps of half the picture's side would cost most of the time.
        self.stem = nn.Sequential(nn.Conv2d(3, first, 6, 4, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU())
        stages: list[nn.Module] = []
        width = first
        for number, (channels, count) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for block in range(count):
                stages.append(ResidualBlock(width, channels, stride=2 if number and not block else 1))
                width = channels
        self.stages = nn.Sequential(*stages)

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        return self.pool(self.map(pixels))

    def map(self, pixels: Tensor) -> Tensor:
        """See `grid.GridTrunk`."""
        cells: Tensor = self.stages(self.stem(pixels))
        return cells

    def pool(self, maps: Tensor) -> Tensor:
        """See `grid.GridTrunk`."""
        cells = maps.flatten(2)
        return torch.cat((cells.mean(2), cells.amax(2)), 1)

    def spread(self, maps: Tensor) -> Tensor:
        """See `grid.GridTrunk`. A maximum belongs to the cell that has it, in equal parts to those that share it."""
        cells = maps.flatten(2)
        best = (cells == cells.amax(2, keepdim=True)).to(cells.dtype)
        peaks = cells * best / best.mean(2, keepdim=True)
        return torch.cat((cells, peaks), 1).transpose(1, 2)


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut (ResNet's basic block)."""

    def __init__(self, width: int, channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(width, channels, 3, stride), nn.BatchNorm2d(channels), nn.ReLU(),
            _conv(channels, channels, 3, 1), nn.BatchNorm2d(channels),
        )  # fmt: skip
        same = width == channels and stride == 1
        self.short = (
            nn.Identity()
            if same
            else nn.Sequential(_conv(width, channels, 1, stride), nn.BatchNorm2d(channels))
        )

    def forward(self, cells: Tensor) -> Tensor:
        """(batch, width, height, width) → (batch, channels, height / stride, width / stride)."""
        out: Tensor = nn.functional.relu(self.body(cells) + self.short(cells))
        return out


def _conv(width: int, channels: int, size: int, stride: int) -> nn.Conv2d:
    conv = nn.Conv2d(width, channels, size, stride, size // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv
