"""A small triangle rasteriser in numpy: spans per triangle and row, a z-buffer, then interpolation of what shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from demo.drawing.mesh import Floats, Ints

Index = NDArray[np.intp]


@dataclass(frozen=True)
class Hits:
    """Covered pixels, flat (k,), their triangle (k,), its two barycentric weights (k, 2), closeness (k,)."""

    pixels: Index
    triangles: Index
    weights: Floats
    close: Floats


def _counted(counts: Index) -> tuple[Index, Index]:
    """For runs of `counts[i]` items: the run of each item and its place within the run."""
    run = np.repeat(np.arange(len(counts)), counts)
    start = np.cumsum(counts) - counts
    return run, np.arange(len(run)) - start[run]


def _edges(corner: Floats) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Each edge as x = slope·y + offset, and whether it bounds the triangle from the left or the right: all (m, 3)."""
    step = np.roll(corner, -1, axis=1) - corner
    flat = np.abs(step[..., 1]) < 1e-6
    slope = step[..., 0] / np.where(flat, 1, step[..., 1])
    offset = corner[..., 0] - slope * corner[..., 1]
    return slope, offset, (step[..., 1] < 0) & ~flat, (step[..., 1] > 0) & ~flat


def _spans(corner: Floats, width: int, height: int) -> tuple[Index, Index, Index, Index]:
    """Rows of pixels inside each triangle: (triangle, row, first column, number of columns)."""
    top = np.clip(np.ceil(corner[..., 1].min(axis=1) - 0.5), 0, height).astype(np.intp)
    bottom = np.clip(np.floor(corner[..., 1].max(axis=1) - 0.5), -1, height - 1).astype(np.intp)
    triangle, row = _counted(np.maximum(bottom - top + 1, 0))
    row = row + top[triangle]
    slope, offset, left, right = _edges(corner)
    y = (row + 0.5).astype(np.float32)
    low = np.full(len(row), -np.inf, np.float32)
    high = np.full(len(row), np.inf, np.float32)
    for edge in range(3):
        x = slope[triangle, edge] * y + offset[triangle, edge]
        np.maximum(low, x, out=low, where=left[triangle, edge])
        np.minimum(high, x, out=high, where=right[triangle, edge])
    first = np.clip(np.ceil(low - 0.5), 0, width).astype(np.intp)
    last = np.clip(np.floor(high - 0.5), -1, width - 1).astype(np.intp)
    return triangle, row, first, np.maximum(last - first + 1, 0)


def rasterize(screen: Floats, close: Floats, faces: Ints, size: tuple[int, int]) -> Hits:
    """What shows of triangles with corners `screen` (n, 2) and closeness (n,) in a picture of (width, height).

    Faces that turn their back (counter-clockwise on the screen, y down) are left out. Closeness 1/distance is linear
    on the screen, so that the z-buffer is exact; other values are interpolated linearly, which small triangles allow.
    """
    width, height = size
    corner = screen[faces]
    u, v = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    front = np.flatnonzero(area < -1e-4)
    corner = corner[front][:, ::-1]
    depth = close[faces[front]][:, ::-1]
    triangle, row, first, count = _spans(corner, width, height)
    run, place = _counted(count)
    weigh = _Weights(corner)
    tri, column, line = triangle[run], place + first[run], row[run]
    z0, dz1, dz2 = depth[:, 0], depth[:, 1] - depth[:, 0], depth[:, 2] - depth[:, 0]
    gx = dz1 * weigh.b1[0] + dz2 * weigh.b2[0]
    gy = dz1 * weigh.b1[1] + dz2 * weigh.b2[1]
    g0 = z0 + dz1 * weigh.b1[2] + dz2 * weigh.b2[2]
    per_row = (gy[triangle] * (row + 0.5) + g0[triangle]).astype(np.float32)
    z = gx[tri] * (column + 0.5).astype(np.float32) + per_row[run]
    pixel = line * width + column
    nearest = np.zeros(width * height, np.float32)
    np.maximum.at(nearest, pixel, z)
    owner = np.full(width * height, -1, np.intp)
    wins = np.flatnonzero(z >= nearest[pixel])
    owner[pixel[wins]] = tri[wins]
    pixels = np.flatnonzero(owner >= 0)
    tri = owner[pixels]
    weights = weigh.at(
        tri, (pixels % width + 0.5).astype(np.float32), (pixels // width + 0.5).astype(np.float32)
    )
    return Hits(pixels, front[tri], weights, nearest[pixels])


class _Weights:
    """Barycentric weights of corners 1 and 2 as linear functions of the position: b = bx·x + by·y + b0."""

    def __init__(self, corner: Floats) -> None:
        a, b, c = corner[:, 0], corner[:, 1], corner[:, 2]
        area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
        self.b1 = self._linear(a, c, area)
        self.b2 = self._linear(b, a, area)

    @staticmethod
    def _linear(start: Floats, end: Floats, area: Floats) -> tuple[Floats, Floats, Floats]:
        x = (end[:, 1] - start[:, 1]) / area
        y = (start[:, 0] - end[:, 0]) / area
        return x, y, -(x * start[:, 0] + y * start[:, 1])

    def at(self, tri: Index, x: Floats, y: Floats) -> Floats:
        """Weights (k, 2) of corners 1 and 2, in the order in which `rasterize` holds them (corners reversed)."""
        first, second = (
            np.clip(bx[tri] * x + by[tri] * y + b0[tri], 0, 1) for bx, by, b0 in (self.b1, self.b2)
        )
        return np.stack([first, second], 1)


def interpolate(values: Floats, faces: Ints, hits: Hits) -> Floats:
    """Values at the points (n, d) carried to the covered pixels (k, d)."""
    corner = faces[hits.triangles][:, ::-1]
    base = values[corner[:, 0]]
    one, two = hits.weights[:, :1], hits.weights[:, 1:]
    result: Floats = base + one * (values[corner[:, 1]] - base) + two * (values[corner[:, 2]] - base)
    return result
