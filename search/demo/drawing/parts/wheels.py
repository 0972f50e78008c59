"""Parts that turn. Each function builds one kind into a kit; the front looks towards −y."""

from __future__ import annotations

import numpy as np

from search.demo.drawing import shapes
from search.demo.drawing.kit import Kit, Material
from search.demo.drawing.mesh import AXES, joined, moved, rotation

PAINT, STEEL, IRON, BRASS, RUBBER = (
    Material.PAINT,
    Material.STEEL,
    Material.IRON,
    Material.BRASS,
    Material.RUBBER,
)


def bearing(kit: Kit) -> None:
    """Ball bearing: two rings with a groove, balls and a cage between them."""
    for inner, outer in ((0.4, 0.56), (0.8, 1.0)):
        kit.ring((inner, outer, 0.46), PAINT, "y")
    kit.ring((0.54, 0.82, 0.16), IRON, "y")
    count = 9 + kit.variant
    for i in range(count):
        angle = 2 * np.pi * (i + 0.3) / count
        kit.sphere(0.148, Material.CHROME, (0.68 * float(np.cos(angle)), -0.12, 0.68 * float(np.sin(angle))))
    kit.ring((0.95, 1.005, 0.1), PAINT, "y")


def gear(kit: Kit) -> None:
    """Spur gear: thick teeth, a sunk web with holes, a hub with a bore."""
    teeth = (16, 20, 13)[kit.variant]
    kit.add(shapes.plate(shapes.toothed(teeth, 0.84, 1.05, land=0.4), 0.5, hole=0.68, bevel=0.03), PAINT, "y")
    kit.ring((0.2, 0.72, 0.24), PAINT, "y")
    kit.ring((0.17, 0.34, 0.62), PAINT, "y")
    kit.rod((0.18, 0.3), IRON, "y")
    kit.ring((0.14, 0.18, 0.56), STEEL, "y")
    for i in range(5):
        angle = 2 * np.pi * i / 5 + 0.2
        kit.rod((0.11, 0.25), IRON, "y", (0.5 * float(np.cos(angle)), 0, 0.5 * float(np.sin(angle))))


def pulley(kit: Kit) -> None:
    """V-belt pulley: a rim with deep grooves, arms and a hub."""
    grooves = 2 + kit.variant % 2
    width = 0.26
    profile: list[tuple[float, float]] = [
        (0.74, -width * grooves / 2 - 0.05),
        (1.0, -width * grooves / 2 - 0.05),
    ]
    for i in range(grooves):
        low = width * (i - grooves / 2)
        profile += [(1.0, low + 0.02), (0.8, low + 0.1), (0.8, low + 0.16), (1.0, low + 0.24)]
    profile += [(1.0, width * grooves / 2 + 0.05), (0.74, width * grooves / 2 + 0.05), profile[0]]
    kit.turned(profile, PAINT, "y")
    for i in range(4):
        kit.box((1.6, 0.2, 0.18), PAINT, axis=rotation("y", 45 * i + 10))
    kit.ring((0.13, 0.3, 0.7), PAINT, "y")
    kit.rod((0.135, 0.6), IRON, "y")


def coupling(kit: Kit) -> None:
    """Jaw coupling: two clawed hubs and the rubber star between them, the shafts on either side."""
    for side in (1, -1):
        kit.ring((0.2, 0.62, 0.5), PAINT, "x", (0.55 * side, 0, 0))
        kit.ring((0.2, 0.44, 0.34), PAINT, "x", (0.92 * side, 0, 0))
        kit.rod((0.2, 0.9), STEEL, "x", (1.1 * side, 0, 0))
        kit.hexagon((0.09, 0.06), IRON, "z", (0.92 * side, 0, 0.45))
        for i in range(3):
            angle = 120 * i + 60 * (side > 0)
            turn = rotation("x", angle)
            y, z = -0.42 * np.sin(np.radians(angle)), 0.42 * np.cos(np.radians(angle))
            kit.box((0.36, 0.34, 0.36), PAINT, (0.16 * side, float(y), float(z)), turn)
    kit.rod((0.53, 0.26), RUBBER, "x")


def crankshaft(kit: Kit) -> None:
    """Crankshaft: journals, throws on either side, counterweights and a flange."""
    x = -1.25
    kit.rod((0.2, 0.4), STEEL, "x", (x, 0, 0))
    for i, up in enumerate((1, -1, 1)):
        left = x + 0.25 + 0.82 * i
        for web in (left, left + 0.42):
            kit.box((0.14, 0.5, 0.95), PAINT, (web, 0, 0.16 * up))
            kit.rod((0.42, 0.15), PAINT, "x", (web, 0, -0.3 * up))
        kit.rod((0.16, 0.3), STEEL, "x", (left + 0.21, 0, 0.42 * up))
        kit.rod((0.2, 0.34), STEEL, "x", (left + 0.62, 0, 0))
    kit.rod((0.42, 0.16), PAINT, "x", (1.36, 0, 0))
    kit.rod((0.14, 0.3), STEEL, "x", (-1.55, 0, 0))


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
