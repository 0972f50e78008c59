"""Things that lie in front of a part and hide a little of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from demo.drawing import shapes
from demo.drawing.kit import Kit, Material
from demo.drawing.mesh import AXES, Floats, Mesh, moved

if TYPE_CHECKING:
    from collections.abc import Callable

TOOL_SCALE = 0.72


def _wrench(kit: Kit) -> None:
    kit.box((0.16, 0.06, 1.3), Material.CHROME)
    kit.add(
        shapes.plate(shapes.circle(0.19, kit.around(0.4)), 0.11, hole=0.1), Material.CHROME, "y", (0, 0, 0.72)
    )
    for side in (1, -1):
        kit.box((0.13, 0.11, 0.3), Material.CHROME, (0.13 * side, 0, -0.74))
    kit.box((0.36, 0.11, 0.14), Material.CHROME, (0, 0, -0.62))


def _screwdriver(kit: Kit) -> None:
    kit.rod((0.05, 0.9), Material.CHROME, "z", (0, 0, 0.4))
    grip = [
        (0, -0.62),
        (0.1, -0.62),
        (0.14, -0.5),
        (0.14, -0.2),
        (0.1, -0.1),
        (0.13, -0.02),
        (0.08, 0.02),
        (0, 0.02),
    ]
    kit.turned(grip, (Material.GRIP, Material.WOOD, Material.RUBBER)[kit.variant])
    kit.box((0.1, 0.03, 0.12), Material.STEEL, (0, 0, 0.88))


_TOOLS: dict[str, Callable[[Kit], None]] = {"wrench": _wrench, "screwdriver": _screwdriver}


def _sized(mesh: Mesh, scale: float) -> Mesh:
    return Mesh(mesh.points * np.float32(scale), mesh.normals, mesh.faces, mesh.materials, mesh.pieces)


def _leaning(mesh: Mesh, foot: Floats, head: Floats) -> Mesh:
    """A tool along z turned so that it leans from foot towards head."""
    along = (head - foot) / np.linalg.norm(head - foot)
    side = np.cross(along, [0.0, 1.0, 0.2])
    side /= np.linalg.norm(side)
    turn = np.stack([side, np.cross(along, side), along], 1).astype(np.float32)
    return moved(mesh, turn, ((foot + head) / 2).astype(np.float32))


def _line_over(rng: np.random.Generator, front: float, height: float, width: float) -> Floats:
    """A path (n, 3) from the floor on the left, up in front of the part, down to the floor on the right."""
    side = rng.choice([-1.0, 1.0])
    lift = rng.uniform(0.15, 0.45) * height
    knots = np.array(
        [
            [-2.6 * width * side, front - 0.3, 0.05],
            [-0.7 * width * side, front - 0.2, 0.05],
            [rng.uniform(-0.3, 0.3), front - 0.06, 2.0 * lift],
            [0.7 * width * side, front - 0.25, 0.05],
            [2.6 * width * side, front - 0.9, 0.05],
        ]
    )
    t = np.linspace(0, 1, 28)[:, None]
    n = len(knots) - 1
    weights = [1, 4, 6, 4, 1]
    return np.asarray(
        sum(weights[i] * (1 - t) ** (n - i) * t**i * knots[i] for i in range(n + 1)), np.float32
    )


def tool_mesh(name: str, part: Mesh, rng: np.random.Generator, detail: int) -> Mesh:
    """The tool, cable or hose `name`, placed in front of a part that already stands in the scene."""
    low, high = part.points.min(axis=0), part.points.max(axis=0)
    front, height, width = float(low[1]), float(high[2]), float(high[0] - low[0]) / 2
    kit = Kit(detail, int(rng.integers(3)))
    if name in _TOOLS:
        _TOOLS[name](kit)
        x = rng.uniform(0.35, 0.9) * width * rng.choice([-1.0, 1.0])
        foot = np.array([x, front - 0.45, 0.1])
        head = np.array([x * rng.uniform(0.3, 0.8), front - 0.12, rng.uniform(0.35, 0.6) * height + 0.2])
        return _leaning(_sized(kit.build(), TOOL_SCALE), foot, head)
    path = _line_over(rng, front, height, width)
    thick = 0.045 if name == "cable" else 0.08
    material = (Material.RUBBER, Material.PLASTIC, Material.GRIP)[kit.variant]
    kit.pipe(path, thick, material)
    return moved(kit.build(), AXES["z"])
