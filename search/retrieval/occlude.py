"""Which regions of a picture carry a score: by how much it falls where a cell of a grid is covered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.encoding.client import regions_encoded
from workers.encoding.wire import GRID

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from workers.inference.framing import FramedPicture

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Regions:
    """A grid over what the model saw of a picture; `box` (left, top, width, height) says where, in shares of its sides.

    `shares`, row by row: each cell's part of what carried the score, below 0 where it spoke against.
    """

    shares: tuple[tuple[float, ...], ...]
    box: Box


def can_be_occluded(version: ModelVersion) -> bool:
    """Return whether a cell has one place in what the model sees: not where it looks at ten parts of a picture."""
    return bool(version.manifest.get("image", {}).get("crop", "ten") != "ten")


def regions_of(
    version: ModelVersion, picture: FramedPicture, score: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> Regions:
    """Return the regions of a picture; `score` tells vectors `(n, dim)` of it. Raises AppError of the encoding."""
    vectors, size = regions_encoded(version, picture)
    scores = score(vectors)
    drops = scores[0] - scores[1:]
    carried = float(drops[drops > 0].sum())
    cells = np.round(drops / carried, 4) if carried else np.zeros_like(drops)
    rows = tuple(tuple(float(cell) for cell in row) for row in cells.reshape(GRID, GRID))
    return Regions(rows, _seen(version.manifest["image"], picture, size))


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
