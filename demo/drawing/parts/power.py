"""Drives, instruments and small parts. Each function builds one kind into a kit; the front looks towards −y."""

from __future__ import annotations

import numpy as np

from demo.drawing import shapes
from demo.drawing.kit import Kit, Material
from demo.drawing.mesh import AXES, rotation

PAINT, STEEL, IRON, BRASS, RUBBER = (
    Material.PAINT,
    Material.STEEL,
    Material.IRON,
    Material.BRASS,
    Material.RUBBER,
)


def electric_motor(kit: Kit) -> None:
    """Electric motor: ribbed barrel, end shields, terminal box on top, foot, shaft with a key."""
    kit.rod((0.52, 1.5), PAINT, "x")
    for i in range(14):
        angle = 360 * i / 14
        if abs(angle - 180) < 20:
            continue
        y, z = -0.56 * np.sin(np.radians(angle)), 0.56 * np.cos(np.radians(angle))
        kit.add(
            shapes.plate(shapes.circle(1.0, 4) * [0.86, 0.024], 0.13, bevel=0.0),
            PAINT,
            rotation("x", angle),
            np.array([0, y, z], np.float32),
        )
    kit.turned([(0, 0), (0.66, 0), (0.66, 0.14), (0.46, 0.26), (0.2, 0.3), (0, 0.3)], PAINT, "x", (0.7, 0, 0))
    kit.turned([(0, 0), (0.5, 0), (0.62, 0.1), (0.62, 0.42), (0, 0.42)], PAINT, "x", (-1.15, 0, 0))
    kit.ring((0.1, 0.4, 0.02), IRON, "x", (-1.155, 0, 0))
    kit.rod((0.11, 0.5), STEEL, "x", (1.2, 0, 0))
    kit.box((0.34, 0.06, 0.05), IRON, (1.24, 0, 0.11))
    kit.box((0.6, 0.5, 0.34), PAINT, (0.15, 0, 0.72))
    kit.box((0.64, 0.54, 0.06), IRON, (0.15, 0, 0.9))
    kit.rod((0.09, 0.2), BRASS, "y", (0.15, -0.32, 0.72))
    for side in (1, -1):
        kit.box((0.3, 1.1, 0.12), PAINT, (0.5 * side, 0, -0.66))
        kit.box((0.2, 0.7, 0.3), PAINT, (0.5 * side, 0, -0.52))


def hydraulic_cylinder(kit: Kit) -> None:
    """Hydraulic cylinder: painted barrel, bright rod half out, an eye at each end, two ports."""
    kit.rod((0.36, 1.5), PAINT, "x", (-0.4, 0, 0))
    for x, size in ((-1.15, 0.43), (0.35, 0.43)):
        kit.rod((size, 0.22), PAINT, "x", (x, 0, 0))
    kit.rod((0.15, 1.15), Material.CHROME, "x", (0.95, 0, 0))
    kit.rod((0.22, 0.14), IRON, "x", (0.48, 0, 0))
    for x in (-1.5, 1.65):
        kit.ring((0.14, 0.33, 0.34), PAINT, "y", (x, 0, 0))
        kit.ring((0.11, 0.17, 0.38), BRASS, "y", (x, 0, 0))
    kit.rod((0.14, 0.26), PAINT, "x", (1.42, 0, 0))
    for x in (-0.95, 0.15):
        kit.rod((0.12, 0.18), PAINT, "z", (x, 0, 0.38))
        kit.hexagon((0.13, 0.12), STEEL, "z", (x, 0, 0.5))


def gauge(kit: Kit) -> None:
    """Pressure gauge: painted case, white dial with a scale and a needle, brass stem."""
    kit.turned(
        [(0, 0.42), (0.96, 0.42), (1.0, 0.3), (1.0, 0), (0.88, -0.02), (0.84, 0.1), (0, 0.1)][::-1],
        PAINT,
        "y",
        (0, -0.2, 0),
    )
    kit.rod((0.86, 0.04), Material.ENAMEL, "y", (0, -0.1, 0))
    for i in range(11):
        angle = -135 + 27 * i
        turn = rotation("y", angle)
        spot = turn @ np.array([0, -0.13, 0.7], np.float32)
        kit.box((0.05, 0.02, 0.17 if i % 5 == 0 else 0.1), IRON, tuple(spot.tolist()), turn)
    needle = rotation("y", -60 + 50 * kit.variant)
    kit.box(
        (0.06, 0.03, 0.8), IRON, tuple((needle @ np.array([0, -0.16, 0.25], np.float32)).tolist()), needle
    )
    kit.rod((0.1, 0.08), BRASS, "y", (0, -0.17, 0))
    kit.rod((0.2, 0.3), BRASS, "z", (0, 0, -1.05))
    kit.hexagon((0.27, 0.26), BRASS, "z", (0, 0, -1.3))
    kit.turned([(0, -0.4), (0.13, -0.4), (0.17, -0.3), (0.17, 0), (0, 0)], BRASS, "z", (0, 0, -1.4))


def filter_cartridge(kit: Kit) -> None:
    """Filter cartridge: folded paper between two caps."""
    folds = 18 + 3 * kit.variant
    angle = np.arange(2 * folds) * np.pi / folds
    radius = np.where(np.arange(2 * folds) % 2, 0.66, 0.78)
    outline = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32)
    kit.add(shapes.plate(outline, 1.7, hole=0.0, bevel=0.0), PAINT)
    for side in (1, -1):
        kit.ring((0.34, 0.86, 0.2), RUBBER, "z", (0, 0, 0.92 * side))
    kit.rod((0.36, 0.02), IRON, "z", (0, 0, 0.96))
    kit.ring((0.34, 0.46, 0.1), PAINT, "z", (0, 0, 1.06))
    kit.ring((0.76, 0.8, 0.07), STEEL, "z", (0, 0, 0.0))


def spring(kit: Kit) -> None:
    """Compression spring: a thick wire wound six times, ends closed."""
    coils = 5 + kit.variant % 2
    t = np.linspace(0, 2 * np.pi * coils, int(coils * kit.around(0.7) * 0.8))
    rise = np.clip((t / (2 * np.pi) - 0.5) / (coils - 1), 0, 1) * 1.7 + 0.04 * t / t[-1]
    path = np.stack([0.6 * np.cos(t), 0.6 * np.sin(t), rise], 1)
    kit.pipe(path.astype(np.float32), 0.125, PAINT)


def bolt(kit: Kit) -> None:
    """Hexagon bolt with its thread and a nut, lying askew."""
    turn = rotation("y", -62)
    kit.add(
        shapes.plate(shapes.circle(0.5, 6), 0.4, bevel=0.04),
        PAINT,
        turn,
        turn @ np.array([0, 0, 1.0], np.float32),
    )
    for profile, material in _shank():
        kit.turned(profile, material, turn)
    nut = shapes.plate(shapes.circle(0.46, 6), 0.3, hole=0.28, bevel=0.03)
    kit.add(nut, PAINT, turn, turn @ np.array([0, 0, -0.45], np.float32))
    washer = [(0.25, 0.74), (0.58, 0.74), (0.58, 0.81), (0.25, 0.81), (0.25, 0.74)]
    kit.turned(washer, PAINT, turn)


def _shank() -> list[tuple[list[tuple[float, float]], int]]:
    thread: list[tuple[float, float]] = [(0.0, -1.1), (0.2, -1.1)]
    for i in range(11):
        low = -1.05 + 0.1 * i
        thread += [(0.22, low), (0.285, low + 0.05)]
    return [
        ([*thread, (0.22, 0.06), (0, 0.06)], STEEL),
        ([(0, 0.05), (0.28, 0.05), (0.28, 0.8), (0, 0.8)], PAINT),
    ]


__all__ = ["AXES", "bolt", "electric_motor", "filter_cartridge", "gauge", "hydraulic_cylinder", "spring"]
