"""Pictures and texts, the same on every machine, on which encoders are tried: varied, so that their vectors differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Grid = NDArray[np.float64]
    Pattern = Callable[[Grid, Grid, np.random.Generator], Grid]

_SIDE = 320
_SEED = 20260401


def probe_pictures(count: int = 8) -> list[Image.Image]:
    """Return `count` different RGB pictures: gradients, stripes, discs, cells, soft and hard noise, wide and tall."""
    random = np.random.default_rng(_SEED)
    return [_picture(at, random) for at in range(count)]


def probe_texts(vocabulary: Sequence[str], count: int = 8) -> list[str]:
    """Return `count` different texts of 1 to 24 words out of the bundle's own vocabulary."""
    random = np.random.default_rng(_SEED)
    words = [word for word in vocabulary[4:] if word.isalpha()] or ["a", "photo", "of", "something"]
    lengths = [1 + (23 * at) // max(count - 1, 1) for at in range(count)]
    return [" ".join(random.choice(words, size)) for size in lengths]


def _picture(at: int, random: np.random.Generator) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 1, _SIDE), np.linspace(0, 1, _SIDE))
    pattern = _PATTERNS[at % len(_PATTERNS)](x, y, random)
    low, high = random.uniform(0, 255, (2, 3))
    colours = low + (high - low) * pattern[..., None]
    noisy = colours + random.normal(0, 6, colours.shape)
    picture = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    return picture.resize([(_SIDE, _SIDE), (400, 300), (300, 400)][at % 3])


def _gradient(x: Grid, y: Grid, random: np.random.Generator) -> Grid:
    turn = random.uniform(0, np.pi / 2)
    return np.asarray(x * np.cos(turn) ** 2 + y * np.sin(turn) ** 2)


def _stripes(x: Grid, y: Grid, random: np.random.Generator) -> Grid:
    across, down = random.uniform(-40, 40, 2)
    return np.asarray(np.sin(across * x + down * y) > 0, np.float64)


def _discs(x: Grid, y: Grid, random: np.random.Generator) -> Grid:
    found = np.zeros_like(x)
    for left, top, radius, shade in random.uniform((0, 0, 0.05, 0.3), (1, 1, 0.3, 1), (6, 4)):
        found[(x - left) ** 2 + (y - top) ** 2 < radius**2] = shade
    return found


def _cells(x: Grid, y: Grid, random: np.random.Generator) -> Grid:
    across, down = random.uniform(4, 16, 2)
    checks: Grid = (np.floor(x * across) + np.floor(y * down)) % 2
    return checks


def _clouds(x: Grid, y: Grid, random: np.random.Generator) -> Grid:
    found = sum(
        weight * np.sin(across * x + down * y + phase)
        for across, down, phase, weight in random.uniform((-30, -30, 0, 0.2), (30, 30, 6, 1), (8, 4))
    )
    return np.asarray((np.tanh(found) + 1) / 2)


def _grain(x: Grid, y: Grid, random: np.random.Generator) -> Grid:
    return np.asarray(random.uniform(0, 1, x.shape) * (0.3 + 0.7 * y))


_PATTERNS: tuple[Pattern, ...] = (_gradient, _discs, _stripes, _clouds, _cells, _grain)
