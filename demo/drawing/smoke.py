from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from demo.drawing.noise import cloud2, smooth

if TYPE_CHECKING:
    from demo.drawing.mesh import Floats

SIDE = 256


def smoke(size: int, source: tuple[float, float]) -> Floats:
    """How much smoke that rises from `source` (x, y in pixels) hides of a picture (size, size): 0 nothing, 1 all."""
    x, y = source[0] / size, source[1] / size
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    height = np.maximum(y - axis, 0)[:, None]
    sway = 0.05 * np.sin(13 * height + 7 * x) * height / (height + 0.1)
    width = 0.05 + 0.22 * height
    plume = np.exp(-(((axis[None, :] - x - sway) / width) ** 2)) * smooth(-0.02, 0.1, (y - axis))[:, None]
    rows = (axis * SIDE * 0.6 + 90 * x).astype(np.intp) % SIDE
    columns = (axis * SIDE + 70 * y).astype(np.intp) % SIDE
    cloud = cloud2(SIDE, 1.8, 11)[np.ix_(rows, columns)]
    result: Floats = np.clip(plume * (0.42 + 0.3 * cloud), 0, 0.75)
    return result
