from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from demo.drawing.mesh import Floats, rotation

if TYPE_CHECKING:
    from demo.drawing.scene import View

NEAR = 0.3
FILL = 0.72  # share of the picture's width or height that a part takes at zoom 1
FILL_TOGETHER = 0.82  # the same for several: a photographer steps closer, or each would be tiny


@dataclass(frozen=True)
class Camera:
    """Looks from the side of −y. Rows of `turn` (3, 3) are right, up and towards the camera, in the world."""

    turn: Floats
    position: Floats
    focal: float
    middle: tuple[float, float]
    size: int  # the picture's width and height in pixels

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Picture positions (n, 2) in pixels and closeness 1/distance (n,) of points of the world (n, 3)."""
        local = (points - self.position) @ self.turn.T
        close = 1.0 / np.maximum(-local[:, 2], NEAR)
        x = self.middle[0] + self.focal * local[:, 0] * close
        y = self.middle[1] - self.focal * local[:, 1] * close
        return np.stack([x, y], 1).astype(np.float32), close.astype(np.float32)

    def scaled(self, factor: int) -> Camera:
        """The same camera for a picture `factor` times as large."""
        middle = (self.middle[0] * factor, self.middle[1] * factor)
        return Camera(self.turn, self.position, self.focal * factor, middle, self.size * factor)

    def plane_map(self, origin: Floats, right: Floats, up: Floats) -> Floats:
        """The homography (3, 3) from pixels (x, y, 1) to coordinates (u, v, 1) on the plane origin + u·right + v·up."""
        columns = np.stack([right, up, origin - self.position], 1)
        local = self.turn @ columns
        screen = np.array([[self.focal, 0, -self.middle[0]], [0, -self.focal, -self.middle[1]], [0, 0, -1]])
        inverse: Floats = np.linalg.inv(screen @ local)
        return inverse


def camera_for(view: View, size: int, points: Floats, fill: float = FILL) -> Camera:
    """The camera of a view, placed so that `points` (n, 3) take this share of the middle of a picture (size, size)."""
    turn = (rotation("z", -view.roll) @ rotation("x", view.elevation - 90)).astype(np.float32)
    target = (points.min(axis=0) + points.max(axis=0)) / 2
    position = (target + turn[2] * view.distance).astype(np.float32)
    screen, _ = Camera(turn, position, 1.0, (0.0, 0.0), 0).project(points)
    low, high = screen.min(axis=0), screen.max(axis=0)
    focal = fill * size * view.zoom / float((high - low).max())
    middle = size * (0.5 + np.array(view.shift)) - focal * (low + high) / 2
    return Camera(turn, position, focal, (float(middle[0]), float(middle[1])), size)
