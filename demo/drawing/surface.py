from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from demo.drawing.lighting import METAL, Tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from demo.drawing.mesh import Floats

METAL_DIFFUSE = np.float32(0.22)  # bare metal mirrors more than it scatters


@dataclass
class Surface:
    """The visible surface, one row per pixel (k): what weathering changes and light falls on."""

    spot: (
        Floats  # (k, 3) place on the part; z is the height over the ground, the part is about two units wide
    )
    normal: Floats  # (k, 3) in the camera's frame
    up: Floats  # (k,) how much it looks upwards, −1…1
    colour: Floats  # (k, 3) linear
    finish: NDArray[np.int64]  # (k,)
    shine: Floats  # (k,) factor on reflected light
    close: Floats  # (k,) shade in corners, 0 dark … 1 open

    def rows(self, rows: NDArray[np.intp]) -> Surface:
        """The part of the surface in these rows, as a copy."""
        return Surface(**{name: value[rows] for name, value in self.__dict__.items()})

    def blend(self, amount: Floats, colour: Floats) -> None:
        """Covers the surface with a linear colour, (3,) or (k, 3), by amount (k,)."""
        self.colour += amount[:, None] * (colour - self.colour)

    def lit(self, tables: Tables) -> Floats:
        """Linear light (k, 3) that reaches the camera."""
        row = tables.index(self.normal)
        metal = self.finish == METAL
        diffuse = tables.diffuse[row] * (np.where(metal, METAL_DIFFUSE, np.float32(1)) * self.close)[:, None]
        mirrored = tables.mirrored[self.finish, row] * self.shine * self.close
        light: Floats = self.colour * diffuse
        light += np.where(metal[:, None], self.colour, np.float32(1)) * mirrored[:, None] * tables.tint
        return light
