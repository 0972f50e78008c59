"""Order similarity: a picture lies below its captions, so only what a caption has more of than the picture counts.

S(image, caption) = −‖max(0, caption − image)‖² (Vendrov et al. 2016, equation 2). It is not symmetric.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from workers.neural.layers import unit_length

CHUNK_VALUES = {
    "cpu": 1 << 20,
    "cuda": 1 << 26,
}  # values of (images, captions, dim) held at once: 4 MB, 256 MB
LEAST_SQUARE = 1e-12  # below it the root has no gradient, which would be infinite at 0


@dataclass(frozen=True, slots=True)
class OrderConfig:
    """`absolute`: embeddings of absolute values. `root`: the distance itself, as VSE++ has it, not its square.

    The root changes the loss and leaves the ranking as it is.
    """

    kind: Literal["order"] = "order"
    absolute: bool = False
    root: bool = False

    def build(self, dim: int) -> "Order":
        """The similarity of `dim` dimensions."""
        return Order(self)


class Order:
    """The contract of `Cosine`."""

    def __init__(self, config: OrderConfig) -> None:
        self.config = config

    def finish(self, vectors: Tensor) -> Tensor:
        """An encoder's output (batch, dim) → the embedding (batch, dim) of unit length, float32."""
        unit = unit_length(vectors)
        return unit.abs() if self.config.absolute else unit

    def spaces(self, embeddings: Tensor) -> tuple[Tensor, ...]:
        """Embeddings (n, dim), which are of one space."""
        return (embeddings,)

    def scores(self, images: Tensor, captions: Tensor) -> Tensor:
        """Embeddings (n, dim) and (m, dim) → (n, m), 0 at most."""
        squares = excess_squares(images.float(), captions.float())
        return -squares.clamp_min(LEAST_SQUARE).sqrt() if self.config.root else -squares


def excess_squares(images: Tensor, captions: Tensor) -> Tensor:
    """‖max(0, caption − image)‖² of all pairs, (n, dim) × (m, dim) → (n, m), in little memory both ways."""
    squares: Tensor = _ExcessSquares.apply(images, captions)
    return squares


class _ExcessSquares(torch.autograd.Function):
    """Differences are computed again for the gradients: kept, they would be n · m · dim values."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, captions: Tensor) -> Tensor:
        ctx.save_for_backward(images, captions)
        rows = [_excess(part, captions).square_().sum(2) for part in _parts(images, captions)]
        return torch.cat(rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        images, captions = ctx.saved_tensors
        of_images, of_captions = [], torch.zeros_like(captions)
        parts = _parts(images, captions)
        for part, weights in zip(parts, torch.split(gradient, [len(part) for part in parts]), strict=True):
            weighted = _excess(part, captions).mul_(2 * weights.unsqueeze(2))
            of_images.append(-weighted.sum(1))
            of_captions += weighted.sum(0)
        return torch.cat(of_images), of_captions


def _parts(images: Tensor, captions: Tensor) -> tuple[Tensor, ...]:
    rows = max(1, CHUNK_VALUES.get(images.device.type, CHUNK_VALUES["cpu"]) // max(1, captions.numel()))
    parts: tuple[Tensor, ...] = torch.split(images, rows)
    return parts


def _excess(images: Tensor, captions: Tensor) -> Tensor:
    return (captions - images.unsqueeze(1)).clamp_min_(0)
