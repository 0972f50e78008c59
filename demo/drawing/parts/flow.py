"""Parts that a liquid or a gas runs through. Each function builds one kind into a kit; the front looks towards −y."""

from __future__ import annotations

import numpy as np

from demo.drawing.kit import Kit, Material, Point
from demo.drawing.mesh import rotation

PAINT, STEEL, IRON, BRASS, RUBBER = (
    Material.PAINT,
    Material.STEEL,
    Material.IRON,
    Material.BRASS,
    Material.RUBBER,
)


def _flange(kit: Kit, radius: float, axis: str, at: Point, material: int = PAINT) -> None:
    kit.ring((radius * 0.5, radius, 0.14), material, axis, at)
    kit.bolts((8, radius * 0.78, radius * 0.13), axis, at)
    step = 0.07 * np.array({"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1)}[axis])
    for sign in (1, -1):
        x, y, z = np.array(at) + sign * step
        kit.bolts((8, radius * 0.78, radius * 0.13), axis, (float(x), float(y), float(z)))


def _spokes(kit: Kit, count: int, length: float, at: Point, *, lift: float = 0.0) -> None:
    for i in range(count):
        angle = 2 * np.pi * i / count
        ends = np.array([[0, 0, lift], [np.cos(angle) * length, np.sin(angle) * length, 0]]) + np.array(at)
        kit.pipe(np.linspace(ends[0], ends[1], 3).astype(np.float32), 0.05, PAINT)


def pump(kit: Kit) -> None:
    """Centrifugal pump: a snail of a casing with a tall outlet, bearing bracket and shaft behind, on a base frame."""
    kit.turned(
        [(0, -0.26), (0.6, -0.26), (0.72, -0.14), (0.72, 0.14), (0.58, 0.26), (0, 0.26)],
        PAINT,
        "y",
        (0, -0.3, 0),
    )
    kit.turned([(0.2, 0), (0.3, 0), (0.3, 0.4), (0.2, 0.4)], PAINT, "y", (0, -0.92, 0))
    _flange(kit, 0.4, "y", (0, -0.94, 0))
    kit.rod((0.21, 0.18), IRON, "y", (0, -0.93, 0))
    kit.rod((0.24, 1.3), PAINT, "z", (0.47, -0.3, 0.65))
    _flange(kit, 0.42, "z", (0.47, -0.3, 1.3))
    kit.rod((0.21, 0.02), IRON, "z", (0.47, -0.3, 1.38))
    kit.turned(
        [(0, 0), (0.5, 0), (0.3, 0.22), (0.3, 0.9), (0.38, 0.95), (0.38, 1.1), (0, 1.1)],
        PAINT,
        "y",
        (0, -0.05, 0),
    )
    kit.rod((0.11, 0.6), STEEL, "y", (0, 1.3, 0))
    kit.box((0.5, 0.2, 0.3), PAINT, (0, -0.3, -0.7))
    kit.box((0.3, 0.2, 0.6), PAINT, (0, 0.75, -0.5))
    for side in (1, -1):
        kit.box((0.16, 2.3, 0.18), IRON, (0.42 * side, 0.25, -0.9))
    for y in (-0.7, 0.75):
        kit.box((1.0, 0.22, 0.12), IRON, (0, y, -0.84))


def ball_valve(kit: Kit) -> None:
    """Ball valve: a round body between hexagon ends and a long lever."""
    kit.sphere(0.52, PAINT)
    kit.rod((0.38, 1.3), PAINT, "x")
    for side in (1, -1):
        kit.hexagon((0.52, 0.34), PAINT, "x", (0.78 * side, 0, 0))
        kit.ring((0.26, 0.4, 0.12), BRASS, "x", (0.98 * side, 0, 0))
        kit.rod((0.27, 0.04), IRON, "x", (0.98 * side, 0, 0))
    kit.rod((0.2, 0.36), STEEL, "z", (0, 0, 0.6))
    kit.hexagon((0.2, 0.12), BRASS, "z", (0, 0, 0.86))
    kit.box((0.42, 0.3, 0.07), STEEL, (0.1, 0, 0.78))
    kit.box((0.7, 0.18, 0.07), STEEL, (0.5, 0, 0.85), rotation("y", -14))
    kit.box((1.0, 0.26, 0.16), PAINT, (1.12, 0, 1.0), rotation("y", -8))


def gate_valve(kit: Kit) -> None:
    """Gate valve: flanged body, bonnet, rising spindle and a spoked handwheel on top."""
    kit.rod((0.34, 1.3), PAINT, "x")
    for side in (1, -1):
        _flange(kit, 0.56, "x", (0.7 * side, 0, 0))
        kit.rod((0.28, 0.02), IRON, "x", (0.78 * side, 0, 0))
    kit.turned([(0, -0.5), (0.3, -0.5), (0.44, -0.3), (0.44, 0.3), (0.36, 0.6), (0, 0.6)], PAINT)
    kit.turned([(0, 0.6), (0.5, 0.6), (0.5, 0.76), (0.3, 0.8), (0.2, 1.15), (0.24, 1.3), (0, 1.3)], PAINT)
    kit.bolts((8, 0.43, 0.06), "z", (0, 0, 0.79))
    kit.rod((0.08, 0.8), STEEL, "z", (0, 0, 1.6))
    turn = np.linspace(0, 2 * np.pi, kit.around(0.7) + 1)
    wheel = np.stack([0.62 * np.cos(turn), 0.62 * np.sin(turn), np.full_like(turn, 1.66)], 1)
    kit.pipe(wheel.astype(np.float32), 0.085, PAINT)
    _spokes(kit, 5, 0.6, (0, 0, 1.66), lift=0.06)
    kit.hexagon((0.14, 0.12), STEEL, "z", (0, 0, 1.78))


def solenoid_valve(kit: Kit) -> None:
    """Solenoid valve: a small brass body, a coil block and its plug with a cable."""
    kit.box((0.95, 0.72, 0.5), BRASS)
    for side in (1, -1):
        kit.hexagon((0.34, 0.34), BRASS, "x", (0.62 * side, 0, 0))
        kit.rod((0.2, 0.02), IRON, "x", (0.795 * side, 0, 0))
    kit.turned([(0, 0), (0.4, 0), (0.4, 0.14), (0.16, 0.18), (0.16, 0.3), (0, 0.3)], STEEL, "z", (0, 0, 0.22))
    kit.box((0.92, 0.86, 0.95), PAINT, (0, 0, 0.98))
    kit.box((0.98, 0.92, 0.08), IRON, (0, 0, 0.55))
    kit.box((0.98, 0.92, 0.08), IRON, (0, 0, 1.42))
    kit.hexagon((0.22, 0.16), STEEL, "z", (0, 0, 1.54))
    kit.box((0.5, 0.56, 0.62), PAINT, (0.7, 0, 1.0))
    kit.box((0.06, 0.3, 0.3), RUBBER, (0.96, 0, 1.06))
    t = np.linspace(0, 1, 10)[:, None]
    cable = (1 - t) ** 2 * [0.75, 0, 0.75] + 2 * t * (1 - t) * [0.95, 0, 0.05] + t**2 * [1.5, -0.2, -0.2]
    kit.pipe(cable.astype(np.float32), 0.075, RUBBER)


def heat_exchanger(kit: Kit) -> None:
    """Shell and tube heat exchanger: a long shell, domed heads, tall nozzles with flanges, two high saddles."""
    kit.rod((0.4, 2.5), PAINT, "x")
    for side in (1, -1):
        _flange(kit, 0.55, "x", (1.25 * side, 0, 0))
        kit.ring((0.3, 0.55, 0.1), STEEL, "x", (1.37 * side, 0, 0))
        dome = [(0, 0), (0.4, 0), (0.4, 0.2), (0.34, 0.34), (0.2, 0.42), (0, 0.44)]
        kit.turned(dome, PAINT, rotation("y", 90 * side), (1.4 * side, 0, 0))
        kit.rod((0.14, 0.66), PAINT, "z", (0.8 * side, 0, 0.62))
        kit.ring((0.09, 0.3, 0.1), STEEL, "z", (0.8 * side, 0, 0.95))
        kit.rod((0.1, 0.02), IRON, "z", (0.8 * side, 0, 1.0))
        kit.box((0.18, 0.62, 0.6), IRON, (0.62 * side, 0, -0.55))
        kit.box((0.4, 0.9, 0.08), IRON, (0.62 * side, 0, -0.86))
        kit.ring((0.38, 0.43, 0.08), STEEL, "x", (0.35 * side, 0, 0))


def hose(kit: Kit) -> None:
    """Hose: one and a half coils lying down, a fitting at each end."""
    turn = np.linspace(-0.4, 3.3 * np.pi, 2 * kit.around(1.2))
    radius = 0.95 - 0.02 * turn
    height = 0.16 + 0.1 * turn / np.pi
    path = np.stack([radius * np.cos(turn), radius * np.sin(turn) * 0.95, height], 1)
    kit.pipe(path.astype(np.float32), 0.17, PAINT)
    for end, before in ((path[0], path[2]), (path[-1], path[-3])):
        along = (end - before) / np.linalg.norm(end - before)
        for start, length, radius_, material in (
            (0.0, 0.2, 0.21, STEEL),
            (0.2, 0.14, 0.26, BRASS),
            (0.34, 0.16, 0.14, BRASS),
        ):
            line = end + along * np.linspace(start, start + length, 3)[:, None]
            kit.pipe(line.astype(np.float32), radius_, material)
