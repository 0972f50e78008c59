from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from demo.drawing import shapes
from demo.drawing.mesh import AXES, Floats, Mesh, joined, moved

if TYPE_CHECKING:
    from collections.abc import Sequence

Point = tuple[float, float, float]
ORIGIN: Point = (0.0, 0.0, 0.0)


class Material(IntEnum):
    """What a face is made of; PAINT takes the scene's colour."""

    PAINT = 0
    STEEL = 1
    IRON = 2
    BRASS = 3
    RUBBER = 4
    ENAMEL = 5
    COPPER = 6
    CHROME = 7
    PLASTIC = 8
    WOOD = 9
    GRIP = 10


@dataclass
class Kit:
    """Collects the solids of one part. `detail`: segments around a large cylinder; `variant` picks a make."""

    detail: int
    variant: int = 0
    pieces: list[Mesh] = field(default_factory=list)

    def around(self, radius: float) -> int:
        """Segments for a cylinder of this radius (the part is about two units wide)."""
        return int(np.clip(self.detail * np.sqrt(max(radius, 0.02) / 0.6), 7, 2 * self.detail))

    def add(self, mesh: Mesh, material: int, axis: str | Floats = "z", at: Point | Floats = ORIGIN) -> None:
        """Adds a solid: z turned onto `axis` (a name or a rotation), then moved to `at`."""
        turn = AXES[axis] if isinstance(axis, str) else axis
        placed = moved(mesh, turn, at)
        self.pieces.append(
            Mesh(placed.points, placed.normals, placed.faces, np.full(len(mesh.faces), material, np.int8))
        )

    def turned(
        self,
        profile: Sequence[tuple[float, float]],
        material: int,
        axis: str | Floats = "z",
        at: Point = ORIGIN,
    ) -> None:
        """Adds a turned profile of (radius, height)."""
        self.add(shapes.lathe(profile, self.around(max(r for r, _ in profile))), material, axis, at)

    def rod(
        self, size: tuple[float, float], material: int, axis: str | Floats = "z", at: Point = ORIGIN
    ) -> None:
        """Adds a cylinder of (radius, length), centred at `at`."""
        radius, half = size[0], size[1] / 2
        self.turned([(0, -half), (radius, -half), (radius, half), (0, half)], material, axis, at)

    def ring(
        self, size: tuple[float, float, float], material: int, axis: str | Floats = "z", at: Point = ORIGIN
    ) -> None:
        """Adds a ring of (inner radius, outer radius, length), centred at `at`."""
        inner, outer, half = size[0], size[1], size[2] / 2
        profile = [(inner, -half), (outer, -half), (outer, half), (inner, half), (inner, -half)]
        self.turned(profile, material, axis, at)

    def box(self, size: Point, material: int, at: Point = ORIGIN, axis: str | Floats = "z") -> None:
        """Adds a box of (x, y, z) with rounded edges, centred at `at`."""
        radius = min(0.05, 0.2 * min(size))
        outline = shapes.rounded_rectangle(size[0], size[1], radius)
        self.add(shapes.plate(outline, size[2], bevel=radius * 0.6), material, axis, at)

    def hexagon(
        self, size: tuple[float, float], material: int, axis: str | Floats = "z", at: Point = ORIGIN
    ) -> None:
        """Adds a hexagon head of (radius, height), centred at `at`."""
        outline = shapes.circle(size[0], 6)
        self.add(shapes.plate(outline, size[1], bevel=min(0.02, size[1] / 5)), material, axis, at)

    def bolts(
        self, circle: tuple[int, float, float], axis: str, at: Point = ORIGIN, material: int = 1
    ) -> None:
        """Adds (count, circle radius, head radius) bolt heads about `axis`."""
        count, radius, head = circle
        for i in range(count):
            angle = 2 * np.pi * (i + 0.5) / count
            spot = AXES[axis] @ np.array([radius * np.cos(angle), radius * np.sin(angle), 0], np.float32)
            self.add(
                shapes.plate(shapes.circle(head, 6), head, bevel=0.0), material, axis, spot + np.array(at)
            )

    def pipe(self, path: Floats, radius: float, material: int) -> None:
        """Adds a tube along a path (n, 3)."""
        self.add(shapes.tube(path, radius, self.around(radius)), material)

    def sphere(self, radius: float, material: int, at: Point = ORIGIN) -> None:
        """Adds a ball."""
        self.add(shapes.ball(radius, self.around(radius)), material, "z", at)

    def build(self) -> Mesh:
        """Everything added, as one mesh."""
        return joined(self.pieces)
