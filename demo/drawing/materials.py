"""Colours and finishes of the materials; colours are sRGB 0–1, light is added in linear space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from demo.drawing.kit import Material
from demo.drawing.lighting import GLOSS, MATTE, METAL, SATIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from demo.drawing.mesh import Floats

PAINTS: dict[str, tuple[float, float, float]] = {
    "red": (0.80, 0.07, 0.08),
    "orange": (0.98, 0.47, 0.03),
    "yellow": (0.98, 0.84, 0.08),
    "green": (0.10, 0.56, 0.22),
    "blue": (0.08, 0.30, 0.78),
    "purple": (0.50, 0.17, 0.66),
    "white": (0.93, 0.93, 0.92),
    "black": (0.085, 0.085, 0.095),
}
_SOLIDS: dict[int, tuple[tuple[float, float, float], int]] = {
    Material.PAINT: ((0.5, 0.5, 0.5), GLOSS),
    Material.STEEL: ((0.72, 0.74, 0.77), METAL),
    Material.IRON: ((0.27, 0.28, 0.30), SATIN),
    Material.BRASS: ((0.86, 0.68, 0.32), METAL),
    Material.RUBBER: ((0.13, 0.13, 0.14), MATTE),
    Material.ENAMEL: ((0.95, 0.95, 0.93), SATIN),
    Material.COPPER: ((0.82, 0.50, 0.36), METAL),
    Material.CHROME: ((0.90, 0.91, 0.93), METAL),
    Material.PLASTIC: ((0.24, 0.25, 0.27), SATIN),
    Material.WOOD: ((0.62, 0.42, 0.24), SATIN),
    Material.GRIP: ((0.30, 0.32, 0.34), SATIN),
}


def linear(colour: Floats | tuple[float, float, float]) -> Floats:
    """SRGB (…, 3) 0–1 to linear light."""
    result: Floats = np.asarray(colour, np.float32) ** np.float32(2.2)
    return result


def palette(colour: str, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    """Linear colours (materials, 3) and finishes (materials,) with this paint, varied as batches of paint are."""
    colours: Floats = np.array([_SOLIDS[m][0] for m in sorted(_SOLIDS)], np.float32)
    paint: Floats = np.array(PAINTS[colour], np.float32)
    paint = paint * (1 + 0.07 * rng.standard_normal()) + 0.015 * rng.standard_normal(3)
    colours[Material.PAINT] = np.clip(paint, 0.05, 0.98)
    return linear(colours), np.array([_SOLIDS[m][1] for m in sorted(_SOLIDS)])
