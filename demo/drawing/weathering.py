"""What time does to a part: each condition is one function that changes the visible surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from demo.drawing.lighting import MATTE, METAL, SATIN, WET
from demo.drawing.materials import linear
from demo.drawing.noise import cloud3, smooth

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.drawing.mesh import Floats
    from demo.drawing.surface import Surface


GLOW = np.array([2.2, 0.75, 0.08], np.float32)  # linear; embers shine by themselves
SMOOTH, RUNNY = 2.6, 2.1  # slopes of soft clouds
HEART = np.array([0.0, 0.0, 0.5], np.float32)  # about the middle of a part


@dataclass(frozen=True)
class Weather:
    """Where the clouds of a drawing begin (4, 3), how fine they are computed, and a random stream of its own."""

    offsets: Floats
    fine: bool
    rng: np.random.Generator

    def cloud(self, spot: Floats, scale: float, which: int, slope: float = 1.6) -> Floats:
        """A cloud (k,) over places on the part; a larger scale has smaller blots, a larger slope softer ones."""
        return cloud3(spot * np.float32(scale), self.offsets[which], fine=self.fine, slope=slope)


def _new(surface: Surface, weather: Weather) -> None:
    surface.shine *= 1.25


def _rusty(surface: Surface, weather: Weather) -> None:
    blot = weather.cloud(surface.spot, 0.55, 0) + 0.35 * weather.cloud(surface.spot, 1.7, 1)
    blot = blot - blot.mean()  # so that every part has its share
    amount = smooth(0.15, 0.5, blot + 0.25 * (0.5 - surface.spot[:, 2]))
    grain = weather.cloud(surface.spot, 2.3, 2)
    rust = linear((0.50, 0.22, 0.07)) * (1 + 0.35 * grain[:, None]).clip(0.35, 2.2)
    edge = smooth(-0.15, 0.2, blot) * 0.35
    surface.blend(np.maximum(edge, amount * 0.96), np.asarray(rust, np.float32))
    surface.finish[amount > 0.4] = MATTE
    surface.shine *= 1 - 0.6 * amount


def _cracked(surface: Surface, weather: Weather) -> None:
    spot, rng = surface.spot, weather.rng
    jag = 0.045 * weather.cloud(spot, 0.8, 0, SMOOTH) + 0.03 * weather.cloud(spot, 2.6, 1, SMOOTH)
    taper = 0.006 * weather.cloud(spot, 1.1, 2, SMOOTH)
    first = float(rng.uniform(-0.3, 0.3))
    for lean, shift in ((first, -0.05), (first + 0.75, 0.28), (first - 0.8, -0.3)):
        across = np.array([np.cos(lean), 0.3 * rng.normal(), np.sin(lean)], np.float32)
        distance = (spot - HEART) @ across + jag + np.float32(shift + 0.06 * rng.normal())
        gap = np.abs(distance) - (0.020 + taper)
        surface.blend(smooth(0.028, 0.010, gap) * 0.6, linear((0.85, 0.85, 0.84)))
        open_ = smooth(0.010, -0.002, gap)
        surface.blend(open_, linear((0.03, 0.025, 0.025)))
        surface.shine *= 1 - open_


def _leaking(surface: Surface, weather: Weather) -> None:
    spot = surface.spot
    wander = spot + 0.02 * weather.cloud(spot, 0.8, 0, SMOOTH)[:, None]
    columns = (wander * np.array([1, 1, 0.03])).astype(np.float32)
    stream = weather.cloud(columns, 2.2, 1, RUNNY)
    stream = stream - stream.mean()
    start = 0.8 + 0.4 * weather.cloud(columns, 1.0, 2, RUNNY)
    wet = smooth(0.15, 0.4, stream) * smooth(0.0, -0.1, spot[:, 2] - start)
    wet = np.maximum(wet, smooth(0.2, 0.1, spot[:, 2] + 0.05 * stream))
    rim = smooth(0.0, 0.4, wet) * smooth(0.9, 0.4, wet)
    surface.blend(wet * 0.95, linear((0.15, 0.085, 0.02)))
    surface.blend(rim * 0.35, linear((0.80, 0.62, 0.25)))
    surface.finish[wet > 0.3] = WET


def _worn(surface: Surface, weather: Weather) -> None:
    spot = surface.spot
    turn = weather.rng.uniform(-0.4, 0.4)
    along = spot[:, 0] * np.cos(turn) + spot[:, 2] * np.sin(turn)
    across = spot[:, 2] * np.cos(turn) - spot[:, 0] * np.sin(turn)
    grooves = np.stack([along * 0.5, across * 5.0, spot[:, 1] * 4.0], 1).astype(np.float32)
    scratch = weather.cloud(grooves, 0.8, 0)
    patch = weather.cloud(spot, 0.7, 1)
    rubbed = 0.85 * scratch + 0.7 * patch
    rubbed = rubbed - rubbed.mean()
    bare = smooth(0.35, 0.5, rubbed)
    surface.blend(smooth(0.12, 0.35, rubbed) * 0.6, linear((0.36, 0.36, 0.37)))
    surface.blend(bare, linear((0.56, 0.57, 0.60)))
    surface.finish[bare > 0.5] = METAL
    surface.shine *= 0.8
    surface.finish[(bare <= 0.5) & (surface.finish == 0)] = SATIN


def _dusty(surface: Surface, weather: Weather) -> None:
    cover = weather.cloud(surface.spot, 0.8, 0)
    grain = weather.cloud(surface.spot, 4.0, 1)
    lies = smooth(0.05, 0.8, surface.up + 0.25 * cover) * 0.9
    film = 0.13 + 0.15 * smooth(0.0, 1.2, cover)
    amount = np.clip(np.maximum(lies, film) + 0.06 * grain, 0, 0.97)
    dust = linear((0.68, 0.59, 0.44)) * (1 + 0.12 * grain[:, None])
    surface.blend(amount.astype(np.float32), np.asarray(dust, np.float32))
    surface.finish[:] = MATTE


def _burnt(surface: Surface, weather: Weather) -> None:
    spot, rng = surface.spot, weather.rng
    angle = rng.uniform(0, 2 * np.pi)
    low, high = spot.min(axis=0), spot.max(axis=0)
    half = np.maximum((high - low) / 2, 0.15)
    heart = (low + high) / 2 + half * np.array([0.5 * np.cos(angle), -0.4, 0.4 * np.sin(angle)], np.float32)
    far = np.linalg.norm((spot - heart) / half, axis=1)
    fire = 0.5 - 0.6 * far + 0.14 * weather.cloud(spot, 0.7, 0) + 0.05 * weather.cloud(spot, 2.4, 1)
    scorch, soot = smooth(-0.22, 0.02, fire), smooth(0.0, 0.16, fire)
    surface.blend(scorch * 0.75, linear((0.35, 0.20, 0.09)))
    surface.blend(soot * 0.97, linear((0.035, 0.032, 0.03)))
    ash = smooth(0.5, 0.9, weather.cloud(spot, 2.0, 2)) * smooth(0.05, 0.25, fire)
    surface.blend(ash * 0.6, linear((0.62, 0.61, 0.60)))
    ember = smooth(1.25, 1.6, weather.cloud(spot, 1.5, 3)) * smooth(0.05, 0.25, fire)
    surface.blend(ember, GLOW)
    surface.finish[soot > 0.3] = MATTE
    surface.shine *= 1 - 0.8 * soot


WEATHERING: dict[str, Callable[[Surface, Weather], None]] = {
    "new": _new,
    "rusty": _rusty,
    "cracked": _cracked,
    "leaking": _leaking,
    "worn": _worn,
    "dusty": _dusty,
    "burnt": _burnt,
}
