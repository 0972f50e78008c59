"""Light as tables over the direction in which a surface looks: one lookup per pixel, whatever the finish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from demo.drawing.noise import smooth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from demo.drawing.mesh import Floats
    from demo.drawing.scene import Light

GLOSS, SATIN, METAL, MATTE, WET = range(5)
FINISHES = 5
FILL = 0.42  # light from the camera's side, in shares of the ambient light


@dataclass(frozen=True)
class Tables:
    """Diffuse light (side², 3) and, by finish, what is mirrored (FINISHES, side²) over view-space normals (x, y)."""

    side: int
    diffuse: Floats
    mirrored: Floats
    tint: Floats  # (3,) of what is mirrored

    def index(self, normals: Floats) -> NDArray[np.intp]:
        """Row of the tables for view-space normals (k, 3)."""
        xy = np.clip((normals[:, :2] * 0.5 + 0.5) * (self.side - 1) + 0.5, 0, self.side - 1).astype(np.intp)
        row: NDArray[np.intp] = xy[:, 1] * self.side + xy[:, 0]
        return row


def sun_direction(light: Light) -> Floats:
    """Unit vector (3,) in the world from the ground towards the main light; azimuth 0 is on the camera's side (−y)."""
    azimuth, elevation = np.radians(light.azimuth), np.radians(light.elevation)
    flat = np.cos(elevation)
    direction = [flat * np.sin(azimuth), -flat * np.cos(azimuth), np.sin(elevation)]
    return np.array(direction, np.float32)


def _room(direction: Floats) -> Floats:
    """Brightness (n,) that a mirror sees in a world direction (n, 3): dark floor, bright horizon, soft boxes above."""
    up = direction[:, 2]
    around = np.arctan2(direction[:, 0], -direction[:, 1])
    floor = 0.16 + 0.12 * smooth(-0.9, -0.05, up)
    sky = 0.42 + 0.5 * smooth(0.1, 0.9, up) - 0.25 * np.exp(-(((up - 0.12) / 0.1) ** 2))
    box = smooth(0.25, 0.35, up) * smooth(0.85, 0.75, up) * (np.cos(3 * around + 0.6) > 0.1)
    result: Floats = np.where(up < 0, floor, sky + 0.75 * box)
    return result


def light_tables(light: Light, turn: Floats, side: int) -> Tables:
    """The tables of a light for a camera with rows right, up, back = `turn` (3, 3)."""
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = (grid.ravel() for grid in np.meshgrid(axis, axis))
    short = np.minimum(1.0, 1.0 / np.maximum(np.hypot(x, y), 1e-6))
    x, y = x * short, y * short
    z = np.sqrt(np.maximum(0.0, 1 - x * x - y * y))
    view = np.stack([x, y, z], 1)
    world = view @ turn
    sun = turn @ sun_direction(light)
    facing = view @ sun
    half = sun + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    shine = np.clip(view @ half, 0, 1)
    mirror = np.stack([2 * z * x, 2 * z * y, 2 * z * z - 1], 1) @ turn
    room, rim = _room(mirror), (1 - z) ** 3
    tint = np.array(light.tint, np.float32)
    sky = 0.55 + 0.45 * world[:, 2]
    ambient = (
        light.ambient * (0.1 + 0.8 * sky[:, None] ** 1.5 + FILL * z[:, None]) * np.array([0.95, 1.0, 1.06])
    )
    key = light.strength * np.clip(facing * 0.9 + 0.1, 0, 1)[:, None] * tint
    mirrored = [
        1.1 * shine**80 + 0.22 * shine**12 + rim * room * 0.6 + 0.045 * room**2,
        0.3 * shine**16 + rim * room * 0.35 + 0.03 * room,
        room * (0.75 + 0.4 * rim) + 0.9 * shine**40 + 0.2 * np.clip(facing, 0, 1),
        0.04 * shine**6 + rim * room * 0.08,
        1.5 * shine**110 + 0.22 * shine**20 + 0.45 * rim * room + 0.025 * room,
    ]
    strength = np.float32(0.5 + 0.5 * light.strength) * tint
    return Tables(side, (ambient + key).astype(np.float32), np.stack(mirrored).astype(np.float32), strength)
