from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from search.demo.drawing.mesh import Floats

SIDE = 64
_STRIDES = np.array([SIDE * SIDE, SIDE, 1])


@lru_cache(maxsize=8)
def volume(slope: float = 1.6) -> Floats:
    """A periodic cloud (64, 64, 64) with mean 0 and deviation 1; a larger slope is smoother."""
    rng = np.random.default_rng(int(slope * 1000))
    spectrum = np.fft.rfftn(rng.standard_normal((SIDE, SIDE, SIDE)))
    axis = np.fft.fftfreq(SIDE) * SIDE
    distance = np.sqrt(
        axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + np.arange(SIDE // 2 + 1)[None, None, :] ** 2
    )
    distance[0, 0, 0] = np.inf
    cloud = np.fft.irfftn(spectrum / distance**slope, s=(SIDE, SIDE, SIDE), axes=(0, 1, 2))
    result: Floats = (cloud / cloud.std()).astype(np.float32)
    return result


def cloud3(points: Floats, offset: Floats, *, fine: bool, slope: float = 1.6) -> Floats:
    """The cloud's value (k,) at points (k, 3) in units of its period; `fine` interpolates, as large pictures need."""
    field = volume(slope).ravel()
    spot = (points + offset) * SIDE
    base = np.floor(spot)
    cell = base.astype(np.intp)
    if not fine:
        cell &= SIDE - 1
        value: Floats = field[cell @ _STRIDES]
        return value
    part = (spot - base).astype(np.float32)
    total = np.zeros(len(points), np.float32)
    for corner in range(8):
        bits = np.array([corner >> 2 & 1, corner >> 1 & 1, corner & 1])
        weight = np.where(bits, part, 1 - part).prod(axis=1)
        at = (cell + bits) & (SIDE - 1)
        total += weight * field[at @ _STRIDES]
    return total


@lru_cache(maxsize=16)
def cloud2(side: int, slope: float, seed: int) -> Floats:
    """A periodic cloud (side, side) with mean 0 and deviation 1."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    axis = np.fft.fftfreq(side) * side
    distance = np.sqrt(axis[:, None] ** 2 + np.arange(side // 2 + 1)[None, :] ** 2)
    distance[0, 0] = np.inf
    cloud = np.fft.irfft2(spectrum / distance**slope, s=(side, side))
    result: Floats = (cloud / cloud.std()).astype(np.float32)
    return result


def smooth(low: float, high: float, value: Floats) -> Floats:
    """Smoothstep: 0 below `low`, 1 above `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    result: Floats = t * t * (3 - 2 * t)
    return result
