"""Parts that turn. Each function builds one kind into a kit; the front looks towards −y."""

from __future__ import annotations

import numpy as np

from demo.drawing import shapes
from demo.drawing.kit import Kit, Material
from demo.drawing.mesh import AXES, Floats, joined, moved, rotation

PAINT, STEEL, IRON, BRASS, RUBBER = (
    Material.PAINT,
    Material.STEEL,
    Material.IRON,
    Material.BRASS,
    Material.RUBBER,
)


def bearing(kit: Kit) -> None:
    """Ball bearing: two slim rings, and large bright balls in the wide dark gap between them."""
    for inner, outer in ((0.3, 0.47), (0.87, 1.02)):
        kit.ring((inner, outer, 0.42), PAINT, "y")
    kit.ring((0.46, 0.88, 0.06), IRON, "y", (0, 0.08, 0))
    count = 8 + kit.variant % 2
    for i in range(count):
        angle = 2 * np.pi * (i + 0.3) / count
        kit.sphere(0.2, Material.CHROME, (0.67 * float(np.cos(angle)), -0.06, 0.67 * float(np.sin(angle))))


def gear(kit: Kit) -> None:
    """Spur gear: few and deep teeth all around, a plain web, a thick hub on a stub of shaft with its key."""
    teeth = (12, 14, 11)[kit.variant]
    kit.add(
        shapes.plate(shapes.toothed(teeth, 0.76, 1.08, land=0.34), 0.44, hole=0.6, bevel=0.03), PAINT, "y"
    )
    kit.ring((0.2, 0.64, 0.26), PAINT, "y")
    kit.ring((0.15, 0.36, 0.66), PAINT, "y")
    kit.rod((0.17, 1.1), STEEL, "y")
    kit.box((0.08, 1.0, 0.1), IRON, (0, 0, 0.17))


def pulley(kit: Kit) -> None:
    """V-belt pulley: flanges around a deep groove, spokes and a hub; the belt in it runs out into a loop."""
    profile = [(0.62, -0.2), (0.9, -0.2), (0.9, -0.14), (0.7, -0.05), (0.7, 0.05), (0.9, 0.14), (0.9, 0.2)]
    kit.turned([*profile, (0.62, 0.2), profile[0]], PAINT, "y")
    for i in range(5):
        turn = rotation("y", 72 * i + 10)
        middle = turn @ np.array([0, 0, 0.42], np.float32)
        kit.box((0.15, 0.14, 0.5), PAINT, tuple(middle.tolist()), turn)
    kit.ring((0.11, 0.25, 0.56), PAINT, "y")
    kit.rod((0.12, 0.5), IRON, "y")
    kit.pipe(_belt(0.84, (1.5, -0.46), 0.36), 0.1, RUBBER)


def _belt(radius: float, far: tuple[float, float], end: float) -> Floats:
    """A closed path (n, 3) in the plane y = 0 around a wheel at the origin and a small loop at `far` (x, z)."""
    reach = float(np.hypot(*far))
    lean = np.arctan2(far[1], far[0])
    spread = np.arccos((radius - end) / reach)  # where the common tangents leave both circles
    wheel = lean + np.linspace(spread, 2 * np.pi - spread, 25)
    loop = lean + np.linspace(-spread, spread, 12)
    path = np.concatenate(
        [
            radius * np.stack([np.cos(wheel), np.sin(wheel)], 1),
            np.array(far) + end * np.stack([np.cos(loop), np.sin(loop)], 1),
        ]
    )
    path = np.concatenate([path, path[:2]])
    return np.stack([path[:, 0], np.zeros(len(path)), path[:, 1]], 1).astype(np.float32)


def coupling(kit: Kit) -> None:
    """Jaw coupling: two short clawed hubs, the black rubber star in the gap between them, a long shaft on each side."""
    for side in (1, -1):
        kit.ring((0.15, 0.72, 0.3), PAINT, "x", (0.52 * side, 0, 0))
        kit.ring((0.15, 0.4, 0.3), PAINT, "x", (0.8 * side, 0, 0))
        kit.rod((0.16, 1.1), STEEL, "x", (1.2 * side, 0, 0))
        kit.hexagon((0.09, 0.06), IRON, "z", (0.82 * side, 0, 0.42))
        for i in range(3):
            angle = 120 * i + 60 * (side > 0)
            turn = rotation("x", angle)
            y, z = -0.54 * np.sin(np.radians(angle)), 0.54 * np.cos(np.radians(angle))
            kit.box((0.5, 0.3, 0.3), PAINT, (0.2 * side, float(y), float(z)), turn)
    kit.rod((0.6, 0.34), RUBBER, "x")


def crankshaft(kit: Kit) -> None:
    """Crankshaft: throws far out to either side of bright journals, counterweights, a flange at the end."""
    x = -1.3
    kit.rod((0.15, 0.5), STEEL, "x", (x, 0, 0))
    for i, up in enumerate((1, -1, 1)):
        left = x + 0.25 + 0.88 * i
        for web in (left, left + 0.46):
            kit.box((0.13, 0.36, 1.1), PAINT, (web, 0, 0.2 * up))
            kit.rod((0.4, 0.13), PAINT, "x", (web, 0, -0.34 * up))
        kit.rod((0.15, 0.4), STEEL, "x", (left + 0.23, 0, 0.58 * up))
        kit.rod((0.15, 0.36), STEEL, "x", (left + 0.67, 0, 0))
    kit.rod((0.4, 0.14), PAINT, "x", (1.5, 0, 0))
    kit.rod((0.13, 0.3), STEEL, "x", (-1.6, 0, 0))


def propeller(kit: Kit) -> None:
    """Propeller: broad twisted blades on a boss with a cone."""
    blades = 3 + kit.variant % 2
    t = np.linspace(0, 2 * np.pi, 2 * kit.around(0.3), endpoint=False)
    outline = np.stack([0.36 * np.cos(t) + 0.06 * np.sin(2 * t), 0.46 * np.sin(t)], 1).astype(np.float32)
    leaf = shapes.plate(outline, 0.1, bevel=0.035)
    for i in range(blades):
        angle = 360 * i / blades + 15
        turn = rotation("y", angle) @ rotation("z", 32) @ AXES["y"]
        spot = rotation("y", angle) @ np.array([0, 0, 0.62], np.float32)
        kit.add(leaf, PAINT, turn, spot)
    kit.turned([(0, -0.42), (0.12, -0.4), (0.22, -0.25), (0.27, 0), (0.27, 0.35), (0, 0.35)], PAINT, "y")
    kit.rod((0.12, 0.7), STEEL, "y", (0, 0.6, 0))
    kit.hexagon((0.13, 0.1), BRASS, "y", (0, -0.44, 0))


def fan(kit: Kit) -> None:
    """Axial fan: pitched blades in a short duct on a square frame."""
    kit.ring((0.92, 1.02, 0.5), PAINT, "y")
    for side in (1, -1):
        kit.box((2.15, 0.1, 0.16), PAINT, (0, 0.2, 1.0 * side))
        kit.box((0.16, 0.1, 2.15), PAINT, (1.0 * side, 0.2, 0))
        for other in (1, -1):
            kit.box((0.5, 0.09, 0.5), PAINT, (0.84 * side, 0.2, 0.84 * other))
            kit.hexagon((0.07, 0.05), STEEL, "y", (0.95 * side, 0.13, 0.95 * other))
    blade = shapes.plate(shapes.rounded_rectangle(0.42, 0.62, 0.14), 0.06, bevel=0.02)
    count = 5 + kit.variant
    for i in range(count):
        angle = 360 * i / count
        turn = rotation("y", angle) @ rotation("z", 35) @ AXES["y"]
        kit.add(blade, STEEL, turn, rotation("y", angle) @ np.array([0, 0, 0.55], np.float32))
    kit.turned([(0, -0.24), (0.2, -0.22), (0.27, -0.12), (0.27, 0.2), (0, 0.2)], PAINT, "y")
    for angle in (0, 90):
        kit.box((1.95, 0.05, 0.07), IRON, (0, 0.24, 0), rotation("y", angle + 45))


def sprocket_chain(kit: Kit) -> None:
    """Roller chain: a lying loop of links with pins."""
    t = np.linspace(0, 2 * np.pi, 25)[:-1]
    spots = np.stack([1.15 * np.cos(t), 0.75 * np.sin(t) + 0.18 * np.cos(3 * t), np.zeros_like(t)], 1)
    after = np.roll(spots, -1, axis=0)
    for i, (here, there) in enumerate(zip(spots, after, strict=True)):
        length = float(np.linalg.norm(there - here))
        turn = rotation("z", float(np.degrees(np.arctan2(there[1] - here[1], there[0] - here[0]))))
        middle = (here + there) / 2
        outline = shapes.rounded_rectangle(length + 0.2, 0.2, 0.09)
        lift = 0.17 if i % 2 else 0.11
        side = shapes.plate(outline, 0.05, bevel=0.012)
        pair = [moved(side, AXES["z"], (0, 0, lift)), moved(side, AXES["z"], (0, 0, -lift))]
        kit.add(joined(pair), PAINT, turn, middle.astype(np.float32))
        kit.rod((0.055, 0.46), STEEL, "z", (float(here[0]), float(here[1]), 0))
        kit.rod((0.095, 0.2), IRON, "z", (float(here[0]), float(here[1]), 0))
