"""Solids of which parts are built: turned profiles, plates with an outline, tubes along a path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from demo.drawing.mesh import Floats, Ints, Mesh, solid

Profile = Sequence[tuple[float, float]]


def _strips(rings: int, around: int, *, closed: bool = False) -> Ints:
    """Triangles (m, 3) between consecutive rings of `around` points each."""
    ring = np.arange(rings if closed else rings - 1)[:, None]
    spoke = np.arange(around)[None, :]
    after, beside = (ring + 1) % rings, (spoke + 1) % around
    a, b = ring * around + spoke, ring * around + beside
    c, d = after * around + spoke, after * around + beside
    quads = np.stack([np.stack([a, b, c], -1), np.stack([b, d, c], -1)], 2)
    return quads.reshape(-1, 3).astype(np.int32)


def _rounded(profile: Floats, bevel: float, *, closed: bool) -> tuple[Floats, Floats]:
    """Ends of the profile's segments after cutting the corners, with each segment's normal: both (2·segments, 2)."""
    step = np.diff(profile, axis=0)
    length = np.linalg.norm(step, axis=1)
    step, start, length = step[length > 1e-6], profile[:-1][length > 1e-6], length[length > 1e-6]
    along = step / length[:, None]
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1)
    cut = np.minimum(bevel, 0.3 * length)
    first, last = cut.copy(), cut.copy()
    if not closed:
        first[0] = last[-1] = 0.0
    begin = start + along * first[:, None]
    end = start + along * (length - last)[:, None]
    return np.stack([begin, end], 1).reshape(-1, 2), np.repeat(normal, 2, axis=0)


def lathe(profile: Profile, around: int, bevel: float = 0.02, arc: float = 360.0) -> Mesh:
    """A profile of (radius, height) turned about z; from bottom to top on the outside; its corners are rounded."""
    line = np.asarray(profile, np.float32)
    closed = bool(np.allclose(line[0], line[-1])) and len(line) > 2
    ends, slopes = _rounded(line, bevel, closed=closed)
    angle = np.radians(np.arange(around) * arc / around).astype(np.float32)
    c, s = np.cos(angle), np.sin(angle)
    radius, height = ends[:, :1], np.repeat(ends[:, 1:], around, axis=1)
    points = np.stack([radius * c, radius * s, height], -1).reshape(-1, 3)
    tall = np.repeat(slopes[:, 1:], around, axis=1)
    normals = np.stack([slopes[:, :1] * c, slopes[:, :1] * s, tall], -1).reshape(-1, 3)
    return solid(points, normals, _strips(len(ends), around, closed=closed))


def ball(radius: float, around: int) -> Mesh:
    """A sphere about the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, max(5, around // 2))
    rings = np.stack([np.cos(angle), np.sin(angle)], 1)
    turn = np.arange(around) * 2 * np.pi / around
    c, s = np.cos(turn), np.sin(turn)
    height = np.repeat(rings[:, 1:], around, axis=1)
    normals = np.stack([rings[:, :1] * c, rings[:, :1] * s, height], -1).reshape(-1, 3)
    return solid(normals * radius, normals, _strips(len(rings), around))


def _edge_normals(outline: Floats) -> Floats:
    step = np.roll(outline, -1, axis=0) - outline
    normal = np.stack([step[:, 1], -step[:, 0]], 1)
    result: Floats = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    return result


def _wall(outline: Floats, low: float, high: float) -> tuple[Floats, Floats, Ints]:
    """The upright wall of an outline, each edge flat on its own."""
    count = len(outline)
    after = np.roll(outline, -1, axis=0)
    levels = [(outline, low), (after, low), (outline, high), (after, high)]
    points = np.concatenate([np.column_stack([xy, np.full(count, z)]) for xy, z in levels])
    normals = np.tile(np.column_stack([_edge_normals(outline), np.zeros(count)]), (4, 1))
    i = np.arange(count)
    a, b, c, d = i, i + count, i + 2 * count, i + 3 * count
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return points, normals, faces


def _band(
    outer: Floats, inner: Floats, levels: tuple[float, float], up: float
) -> tuple[Floats, Floats, Ints]:
    """The flat (or bevelled) band between two outlines of the same length."""
    count = len(outer)
    points = np.concatenate(
        [
            np.column_stack([outer, np.full(count, levels[0])]),
            np.column_stack([inner, np.full(count, levels[1])]),
        ]
    )
    lean = 0.9 if levels[0] != levels[1] else 0.0
    side = np.column_stack([_edge_normals(outer) * lean, np.full(count, up)])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    flat = np.tile(np.array([[0, 0, up]]), (count, 1))
    return points, np.concatenate([side, flat]), _strips(2, count)


def plate(outline: Floats, thickness: float, hole: float = 0.0, bevel: float = 0.02) -> Mesh:
    """A star-shaped outline (n, 2), counter-clockwise, made `thickness` thick about z = 0; `hole` is a radius."""
    half = thickness / 2
    reach = float(np.linalg.norm(outline, axis=1).max())
    face = outline * (1 - bevel / reach)
    angle = np.arctan2(outline[:, 1], outline[:, 0])
    core = np.stack([np.cos(angle), np.sin(angle)], 1) * hole
    pieces = [_wall(outline, -half + bevel, half - bevel)]
    for up in (1.0, -1.0):
        pieces.append(_band(outline, face, (up * (half - bevel), up * half), up))
        pieces.append(_band(face, core, (up * half, up * half), up))
    if hole:
        points, normals, faces = _wall(core, -half, half)
        pieces.append((points, -normals, faces))
    starts = np.cumsum([0] + [len(points) for points, _, _ in pieces])
    faces = np.concatenate([faces + start for (_, _, faces), start in zip(pieces, starts, strict=False)])
    return solid(
        np.concatenate([p for p, _, _ in pieces]).astype(np.float32),
        np.concatenate([n for _, n, _ in pieces]).astype(np.float32),
        faces.astype(np.int32),
    )


def rounded_rectangle(width: float, height: float, radius: float, corner: int = 3) -> Floats:
    """Outline of a rectangle with round corners, `corner` points each, counter-clockwise."""
    turn = np.linspace(0, np.pi / 2, corner)
    x, y = width / 2 - radius, height / 2 - radius
    corners = [(x, y, 0.0), (-x, y, 0.5), (-x, -y, 1.0), (x, -y, 1.5)]
    return np.concatenate(
        [
            np.stack([cx + radius * np.cos(turn + q * np.pi), cy + radius * np.sin(turn + q * np.pi)], 1)
            for cx, cy, q in corners
        ]
    ).astype(np.float32)


def toothed(teeth: int, root: float, tip: float, *, land: float = 0.5) -> Floats:
    """Outline of a toothed wheel; `land` is the share of the pitch that the tooth's tip takes."""
    pitch = 2 * np.pi / teeth
    base = np.arange(teeth)[:, None] * pitch
    offsets = np.array([-0.36, -land / 2, land / 2, 0.36]) * pitch
    angle = (base + offsets).ravel()
    radius = np.tile([root, tip, tip, root], teeth)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32)


def circle(radius: float, around: int) -> Floats:
    """Outline of a circle."""
    angle = np.arange(around) * 2 * np.pi / around
    outline: Floats = (radius * np.stack([np.cos(angle), np.sin(angle)], 1)).astype(np.float32)
    return outline


def tube(path: Floats, radius: float | Floats, around: int) -> Mesh:
    """A round tube along a path (n, 3), closed by flat ends; the frame is carried along without twist."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.empty_like(along)
    seed = np.array([0.0, 0.0, 1.0]) if abs(along[0, 2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    for i, direction in enumerate(along):
        seed = seed - direction * (seed @ direction)
        seed = seed / np.linalg.norm(seed)
        side[i] = seed
    other = np.cross(along, side)
    turn = np.arange(around) * 2 * np.pi / around
    normals = side[:, None] * np.cos(turn)[:, None] + other[:, None] * np.sin(turn)[:, None]
    reach = np.broadcast_to(np.asarray(radius, np.float32), (len(path),))[:, None, None]
    rings = path[:, None] + normals * reach
    points = np.concatenate(
        [path[:1].repeat(around, 0), rings[0], rings.reshape(-1, 3), rings[-1], path[-1:].repeat(around, 0)]
    )
    ends = [
        np.tile(-along[:1], (2 * around, 1)),
        normals.reshape(-1, 3),
        np.tile(along[-1:], (2 * around, 1)),
    ]
    return solid(points, np.concatenate(ends), _strips(len(path) + 4, around))
