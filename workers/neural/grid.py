"""An image encoder's own grid: how much of a picture's embedding comes from which cell of the network's last map.

For a network that ends in an average over its map (or a maximum) and a linear map, the embedding e splits exactly:

    e = (W · mean(f) + b) / n = mean((W · f + b) / n),    n = ‖W · mean(f) + b‖

where f are the map's cells. The length n is one number for the whole picture, and the bias b, which belongs to no
place, is in every cell alike. With several views the cells are averaged as the views are.
"""

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from workers.neural.errors import ModelConfigError
from workers.neural.images.cells import averaged_map
from workers.neural.images.cnn import Trunk
from workers.neural.images.features import FeatureEncoder
from workers.neural.images.small_resnet import SmallResnet
from workers.neural.layers import without
from workers.neural.similarity.cosine import Cosine
from workers.neural.two_tower import TwoTower, scaled

MAX_SIDE = 16
"""A finer map is averaged down to so many cells a side: more than that nobody sees."""
_TOLERANCE = 1e-2
"""How far the mean of the cells may be from the embedding, whose length is 1; CUDA may compute with 10 bits."""
_SEED = 20261129


class GridTrunk(Protocol):
    """A trunk whose features come from a map of cells."""

    def map(self, pixels: Tensor) -> Tensor:
        """Pixels (batch, 3, height, width) → the last map (batch, channels, rows, columns)."""
        ...

    def pool(self, maps: Tensor) -> Tensor:
        """The map → the trunk's features (batch, width)."""
        ...

    def spread(self, maps: Tensor) -> Tensor:
        """The map → cells (batch, rows · columns, width), row by row, whose mean are the features."""
        ...


class GridTower(nn.Module):
    """pixels (batch, 3, size, size) → embeddings (batch, dim), and cells (batch, rows, columns, dim) with that mean.

    Made by `grid_tower`, of the model's own modules.
    """

    def __init__(self, model: TwoTower, trunk: GridTrunk, size: int) -> None:
        super().__init__()
        self.trunk = cast("nn.Module", trunk)
        self.head = without(model.image, "trunk")
        self.similarity = cast("Cosine", model.similarity)
        self.mirror, self.scales = model.config.mirror, model.config.scales
        self.grid = self._grid(size, next(model.parameters()).device)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        trunk, head = cast("GridTrunk", self.trunk), cast("FeatureEncoder", self.head)
        vectors, cells = [], []
        for flipped in (False, True) if self.mirror else (False,):
            side = pixels.flip(-1) if flipped else pixels
            for scale in self.scales:
                maps = trunk.map(scaled(side, scale))
                vectors.append(head.project(trunk.pool(maps)))
                found = _on_grid(head.project_cells(trunk.spread(maps)), (maps.shape[2], maps.shape[3]))
                cells.append(resampled(found.flip(2) if flipped else found, self.grid))
        mean = torch.stack(cells).mean(0)
        finished = _on_grid(self.similarity.finish_cells(mean.flatten(1, 2)), self.grid)
        return self.similarity.finish(torch.stack(vectors).mean(0)), finished

    @torch.no_grad()
    def _grid(self, size: int, device: torch.device) -> tuple[int, int]:
        """The rows and columns of the finest view's map, at most `MAX_SIDE`."""
        pixels = torch.zeros(1, 3, size, size, device=device)
        maps = cast("GridTrunk", self.trunk).map(scaled(pixels, max(self.scales)))
        rows, columns = (min(side, MAX_SIDE) for side in maps.shape[2:])
        return rows, columns


def grid_tower(model: TwoTower, size: int) -> GridTower | None:
    """The image encoder with its grid, for pictures of this size; None for one that does not split over cells.

    Whether it does is tried on noise: what follows the last map may look linear and not be it.
    """
    trunk = _grid_trunk(model)
    if trunk is None:
        return None
    tower = GridTower(model, trunk, size).eval()
    return tower if min(tower.grid) > 1 and _adds_up(model, tower, size) else None


def _grid_trunk(model: TwoTower) -> GridTrunk | None:
    image = model.image
    if type(image) is not FeatureEncoder or not isinstance(
        model.similarity, Cosine
    ):  # of others the map is not linear
        return None
    if isinstance(image.trunk, SmallResnet):
        return image.trunk
    if not isinstance(image.trunk, Trunk):
        return None
    try:
        trunk, channels = averaged_map(image.trunk.network)
    except ModelConfigError:
        return None
    return trunk if channels == image.width else None


@torch.inference_mode()
def _adds_up(model: TwoTower, tower: GridTower, size: int) -> bool:
    device = next(model.parameters()).device
    pixels = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(_SEED)).to(device)
    wanted = model.encode_image(pixels)
    vectors, cells = tower(pixels)
    apart = max(
        torch.linalg.vector_norm(found - wanted, dim=1).max() for found in (vectors, cells.mean((1, 2)))
    )
    return bool(apart < _TOLERANCE)


def resampled(cells: Tensor, grid: tuple[int, int]) -> Tensor:
    """Cells (batch, rows, columns, dim) on another grid, by the areas that the cells share; the mean stays."""
    for axis, count in zip((1, 2), grid, strict=True):
        if cells.shape[axis] != count:
            shares = _overlaps(cells.shape[axis], count).to(cells.device)
            cells = (cells.transpose(axis, 3) @ shares).transpose(axis, 3)
    return cells


def _on_grid(cells: Tensor, grid: tuple[int, int]) -> Tensor:
    """Cells (batch, rows · columns, dim) → (batch, rows, columns, dim)."""
    return cells.reshape(-1, *grid, cells.shape[2])


def _overlaps(before: int, after: int) -> Tensor:
    """How much of each of `after` equal parts of a line lies in each of `before` equal parts: (before, after)."""
    rows = [
        [
            max(0.0, min((i + 1) / before, (j + 1) / after) - max(i / before, j / after)) * after
            for j in range(after)
        ]
        for i in range(before)
    ]
    return torch.tensor(rows)
