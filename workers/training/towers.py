"""The two encoders by themselves, made ready to leave for another form, and what each takes."""

import copy
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from workers.neural.folding import fold
from workers.neural.layers import without
from workers.neural.two_tower import TwoTower

if TYPE_CHECKING:
    from workers.neural.images.regions import RegionEncoder

CROPS = 10


class ImageTower(nn.Module):
    """pixels (batch, 3, size, size), or (batch, crops, 3, size, size) → embeddings (batch, dim)."""

    def __init__(self, model: TwoTower) -> None:
        super().__init__()
        self.model = cast("TwoTower", without(model, "text"))

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        return self.model.encode_image(pixels)


class FirstStage(nn.Module):
    """pixels (batch, 3, size, size) → the nodes (batch, nodes, channels) of an encoder over regions."""

    def __init__(self, model: TwoTower) -> None:
        super().__init__()
        self.trunk = cast("RegionEncoder", model.image).trunk

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        return cast("Tensor", self.trunk(pixels))


class SecondStage(nn.Module):
    """nodes (batch, nodes, channels) → embeddings (batch, dim)."""

    def __init__(self, model: TwoTower) -> None:
        super().__init__()
        self.image, self.similarity = without(model.image, "trunk"), model.similarity

    def forward(self, nodes: Tensor) -> Tensor:
        """See the class."""
        projected = cast("RegionEncoder", self.image).project(nodes)
        finished: Tensor = self.similarity.finish(projected)
        return finished


class TextTower(nn.Module):
    """tokens (batch, length), lengths (batch) → embeddings (batch, dim)."""

    def __init__(self, model: TwoTower) -> None:
        super().__init__()
        self.model = cast("TwoTower", without(model, "image"))

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the class."""
        return self.model.encode_text(tokens, lengths)


def ready(tower: nn.Module) -> nn.Module:
    """A copy for inference, folded, without gradients: exporters would otherwise keep what a backward pass needs."""
    return fold(copy.deepcopy(tower).eval().requires_grad_(requires_grad=False))


def image_inputs(size: int, *, crops: bool) -> dict[str, Tensor]:
    """What an image encoder takes, by name: two pictures of zeros."""
    return {"pixels": torch.zeros(2, CROPS, 3, size, size) if crops else torch.zeros(2, 3, size, size)}


def text_inputs() -> dict[str, Tensor]:
    """What a text encoder takes, by name: two texts of different lengths."""
    return {"tokens": torch.full((2, 7), 3), "lengths": torch.tensor([7, 5])}
