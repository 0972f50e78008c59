from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int32]

AXES: dict[str, Floats] = {
    "z": np.eye(3, dtype=np.float32),
    "x": np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], np.float32),
    "y": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32),
}


@dataclass(frozen=True)
class Mesh:
    """Triangles with smooth normals: points, normals (n, 3), faces (m, 3), materials (m,), each solid's first point."""

    points: Floats
    normals: Floats
    faces: Ints
    materials: NDArray[np.int8]
    pieces: tuple[int, ...] = (0,)


def solid(points: Floats, normals: Floats, faces: Ints, material: int = 0) -> Mesh:
    """One solid whose faces are wound so that they agree with the normals: the rasteriser culls by winding."""
    corner = points[faces]
    facing = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    wrong = np.einsum("ij,ij->i", facing, normals[faces].sum(axis=1)) < 0
    faces = np.where(wrong[:, None], faces[:, ::-1], faces).astype(np.int32)
    return Mesh(
        points.astype(np.float32), normals.astype(np.float32), faces, np.full(len(faces), material, np.int8)
    )


def moved(mesh: Mesh, turn: Floats, at: tuple[float, float, float] | Floats = (0.0, 0.0, 0.0)) -> Mesh:
    """The mesh rotated by `turn` (3, 3) and then shifted to `at`."""
    points = mesh.points @ turn.T + np.asarray(at, np.float32)
    return Mesh(points, mesh.normals @ turn.T, mesh.faces, mesh.materials, mesh.pieces)


def joined(meshes: list[Mesh]) -> Mesh:
    """All meshes as one."""
    starts = np.cumsum([0] + [len(mesh.points) for mesh in meshes])
    return Mesh(
        np.concatenate([mesh.points for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]).astype(
            np.int32
        ),
        np.concatenate([mesh.materials for mesh in meshes]),
        tuple(
            int(start + piece) for mesh, start in zip(meshes, starts, strict=False) for piece in mesh.pieces
        ),
    )


def rested(mesh: Mesh, reach: float = 1.0) -> Mesh:
    """The mesh centred over the origin, standing on z = 0, scaled so that its half diagonal is `reach`."""
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    scale = reach / (0.5 * float(np.linalg.norm(high - low)))
    anchor = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], np.float32)
    points = ((mesh.points - anchor) * scale).astype(np.float32)
    return Mesh(points, mesh.normals, mesh.faces, mesh.materials, mesh.pieces)


def rotation(axis: str, degrees: float) -> Floats:
    """Rotation matrix (3, 3) about a coordinate axis."""
    c, s = float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))
    table = {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return np.array(table[axis], np.float32)
