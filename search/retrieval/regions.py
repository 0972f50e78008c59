"""Which regions of a picture carry a score.

Where the bundle has cells (docs/bundle.md), the score itself is split over the encoder's own grid. Else by how much it
falls where a cell of a 4 × 4 grid is covered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.encoding.client import cells_encoded, regions_encoded
from workers.encoding.wire import GRID

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from workers.inference.framing import FramedPicture

    Floats = NDArray[np.float32]
    Score = Callable[[Floats], Floats]
    """From vectors `(n, dim)` to scores `(n,)`."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Regions:
    """A grid over what the model saw of a picture; `box` (left, top, width, height) says where, in shares of its sides.

    `shares`, row by row: each cell's part of what carried the score, below 0 where it spoke against.
    """

    shares: tuple[tuple[float, ...], ...]
    box: Box


def has_regions(version: ModelVersion) -> bool:
    """Return whether a cell has one place in what the model sees: not where it looks at ten parts of a picture."""
    return bool(version.manifest.get("image", {}).get("crop", "ten") != "ten")


def regions_of(version: ModelVersion, picture: FramedPicture, score: Score) -> Regions:
    """Return the regions of a picture. Raises AppError of the encoding.

    `score` tells vectors of it; of a version with cells it is a product with one vector, and a constant.
    """
    spec = version.manifest["image"]
    if spec.get("cells"):
        (rows, columns), (cells, size) = spec["cells"], cells_encoded(version, picture)
        carried = split(cells, score)
    else:
        rows = columns = GRID
        vectors, size = regions_encoded(version, picture)
        scores = score(vectors)
        carried = scores[0] - scores[1:]
    return Regions(_shares(carried.reshape(rows, columns)), _seen(spec, picture, size))


def split(cells: Floats, score: Score) -> Floats:
    """Return each cell's part of the score of a picture whose vector is the mean of these `(cells, dim)`.

    Together they are the score, but for its constant, which is no cell's: the score of a vector of zeros.
    """
    nothing = np.zeros((1, cells.shape[1]), np.float32)
    scores = score(np.concatenate([cells / len(cells), nothing]))
    parts: Floats = scores[:-1] - scores[-1]
    return parts


def _shares(carried: Floats) -> tuple[tuple[float, ...], ...]:
    """Return what cells `(rows, columns)` carried, as parts of all that spoke for the hit."""
    every = float(carried[carried > 0].sum())
    shares = np.round(carried / every, 4) if every else np.zeros_like(carried)
    return tuple(tuple(float(cell) for cell in row) for row in shares)


def _seen(spec: dict[str, Any], picture: FramedPicture, size: tuple[int, int]) -> Box:
    """Return which part of the picture the model saw: of what was cut out of it, the middle."""
    left, top, width, height = picture.framing.crop or (0.0, 0.0, 1.0, 1.0)
    if spec["crop"] == "squash":
        return left, top, width, height
    sides = width * size[0], height * size[1]
    shorter = min(sides)
    shares = [spec["size"] / spec["resize"] * shorter / side for side in sides]
    across, down = (min(share, 1.0) for share in shares)
    return (
        left + width * (1 - across) / 2,
        top + height * (1 - down) / 2,
        width * across,
        height * down,
    )
