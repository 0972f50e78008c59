"""Photos for the benchmarks: no two alike, sized and compressed as a telephone's are."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 1280, 960


def photo(seed: int, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Return one JPEG (quality 85, about 250 kB at 1280×960): shapes in soft light with a sensor's grain."""
    rng = np.random.default_rng(seed)
    light = Image.fromarray(rng.integers(30, 225, (4, 5, 3), dtype=np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    draw = ImageDraw.Draw(light)
    for _ in range(12):
        x, y, w, h = (
            rng.integers(0, width),
            rng.integers(0, height),
            rng.integers(40, 400),
            rng.integers(40, 400),
        )
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((int(x), int(y), int(x + w), int(y + h)), fill=tuple(int(c) for c in rng.integers(0, 255, 3)))
    soft = np.asarray(light.filter(ImageFilter.GaussianBlur(2)), dtype=np.int16)
    grain = rng.normal(0, 6, (height, width, 1)).astype(np.int16)
    out = io.BytesIO()
    Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()
