from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from demo.drawing.mesh import Floats

SIDE = 64
PADDED = SIDE + 1
_STRIDES = np.array([PADDED * PADDED, PADDED, 1], np.int32)


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


@lru_cache(maxsize=8)
def _padded(slope: float) -> Floats:
    """The cloud with its first layers repeated at the end, flat, so that a neighbour needs no wrapping."""
    return np.pad(volume(slope), (0, 1), mode="wrap").ravel()


def cloud3(points: Floats, offset: Floats, *, fine: bool, slope: float = 1.6) -> Floats:
    """The cloud's value (k,) at points (k, 3) in units of its period; `fine` interpolates, as large pictures need."""
    field = _padded(slope)
    spot = (points + offset).astype(np.float32) * np.float32(SIDE)
    base = np.floor(spot)
    cell = (base.astype(np.int32) & (SIDE - 1)) @ _STRIDES
    if not fine:
        nearest: Floats = field[cell]
        return nearest
    x, y, z = (spot - base).T.copy()
    near, far = (
        _mixed(_mixed(field[at], field[at + 1], z), _mixed(field[at + PADDED], field[at + PADDED + 1], z), y)
        for at in (cell, cell + PADDED * PADDED)
    )
    return _mixed(near, far, x)


def _mixed(one: Floats, other: Floats, part: Floats) -> Floats:
    result: Floats = one + (other - one) * part
    return result


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
