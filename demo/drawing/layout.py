from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from demo.drawing.mesh import Floats, Mesh, joined, moved, rotation
from demo.drawing.parts.catalogue import part_mesh
from demo.drawing.tools import tool_mesh

if TYPE_CHECKING:
    from demo.drawing.scene import Scene

# Where copies stand, in widths and depths of one: beside each other, or one behind the other if they are long.
_BESIDE = {1: [(0.0, 0.0)], 2: [(-0.55, 0.2), (0.55, -0.25)], 3: [(-0.56, 0.2), (0.06, 1.0), (0.56, -0.3)]}
_BEHIND = {1: [(0.0, 0.0)], 2: [(-0.12, 0.64), (0.12, -0.64)], 3: [(-0.15, 1.2), (0.0, 0.0), (0.15, -1.2)]}


@dataclass(frozen=True)
class SceneLayout:
    """Everything that stands in a scene as one mesh, the part's copies first, then what lies in front of them."""

    mesh: Mesh
    spots: Floats  # (n, 3) each point's place on its own part, where weathering looks it up
    places: Floats  # (copies, 3) where each copy stands
    part_points: int
    part_faces: int
    reach: float  # half the width of one copy


def layout(scene: Scene, detail: int, rng: np.random.Generator) -> SceneLayout:
    """Places the copies of the part and the tool in front of them."""
    part = part_mesh(scene.kind, scene.variant, detail)
    turns = [
        rotation("z", scene.view.yaw + (float(rng.uniform(-35, 35)) if i else 0)) for i in range(scene.count)
    ]
    places = _places(moved(part, turns[0]), scene.count)
    copies = joined([moved(part, turn, place) for turn, place in zip(turns, places, strict=True)])
    spots: list[Floats] = [part.points @ rotation("z", 40.0 * i).T for i in range(scene.count)]
    meshes = [copies]
    if scene.occluder:
        meshes.append(tool_mesh(scene.occluder, copies, rng, detail))
        spots.append(meshes[-1].points)
    reach = float(np.abs(part.points[:, :2]).max())
    return SceneLayout(
        joined(meshes), np.concatenate(spots), places, len(copies.points), len(copies.faces), reach
    )


def _places(part: Mesh, count: int) -> Floats:
    size = part.points.max(axis=0) - part.points.min(axis=0)
    long = size[0] > 1.25 * size[2]
    spots = np.array((_BEHIND if long else _BESIDE)[count])
    step = np.array([size[0] * 1.08, max(float(size[1]), 0.35 * float(size[2])) * (1.05 if long else 0.8)])
    return np.column_stack([spots * step, np.zeros(count)]).astype(np.float32)
