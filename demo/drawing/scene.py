"""What one drawing shows. A scene is drawn the same way at every size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, Unpack

from demo.drawing.parts.catalogue import KINDS, VARIANTS

if TYPE_CHECKING:
    import numpy as np

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "white", "black")
CONDITIONS = ("new", "rusty", "cracked", "leaking", "worn", "dusty", "burnt")
SETTINGS = ("workbench", "concrete", "factory", "grass", "crate", "wall", "steel", "studio")
OCCLUDERS = ("wrench", "screwdriver", "cable", "hose")


@dataclass(frozen=True)
class View:
    """Camera: angles in degrees, `zoom` 1 fills about three quarters of the picture, shifts in picture widths."""

    yaw: float
    elevation: float
    roll: float
    zoom: float
    shift: tuple[float, float]
    distance: float


@dataclass(frozen=True)
class Light:
    """Main light: angles in degrees (azimuth 0 comes from the camera), tint as (red, green, blue) about 1."""

    azimuth: float
    elevation: float
    strength: float
    ambient: float
    tint: tuple[float, float, float]
    vignette: float


@dataclass(frozen=True)
class Scene:
    """One drawing: what it shows (kind, colour, condition, setting, count) and how; `seed` fixes every small detail."""

    kind: str
    colour: str
    condition: str
    setting: str
    count: int
    variant: int
    view: View
    light: Light
    occluder: str | None
    blur: float
    noise: float
    seed: int


class Wanted(TypedDict, total=False):
    """What a sampled scene must show; the rest is free."""

    kind: str
    colour: str
    condition: str
    setting: str
    count: int


def _pick(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return names[int(rng.integers(len(names)))]


def _view(rng: np.random.Generator) -> View:
    return View(
        yaw=float(rng.uniform(-50, 50)),
        elevation=float(rng.uniform(14, 46)),
        roll=float(rng.normal(0, 5)),
        zoom=float(rng.uniform(0.9, 1.12)),
        shift=(float(rng.uniform(-0.06, 0.06)), float(rng.uniform(-0.05, 0.05))),
        distance=float(rng.uniform(4.0, 8.0)),
    )


def _light(rng: np.random.Generator) -> Light:
    warmth, green = float(rng.normal(0, 0.07)), float(rng.normal(0, 0.02))
    return Light(
        azimuth=float(rng.uniform(-75, 75)),
        elevation=float(rng.uniform(35, 70)),
        strength=float(rng.uniform(0.75, 1.15)),
        ambient=float(rng.uniform(0.34, 0.5)),
        tint=(1 + warmth, 1 + green, 1 - warmth),
        vignette=float(rng.uniform(0.0, 0.45)),
    )


def scene_sample(rng: np.random.Generator, **wanted: Unpack[Wanted]) -> Scene:
    """A random scene; keywords fix what it shows, and do not change what else is drawn from `rng`."""
    scene = Scene(
        kind=_pick(rng, KINDS),
        colour=_pick(rng, COLOURS),
        condition=_pick(rng, CONDITIONS),
        setting=_pick(rng, SETTINGS),
        count=int(rng.choice([1, 2, 3], p=[0.76, 0.15, 0.09])),
        variant=int(rng.integers(VARIANTS)),
        view=_view(rng),
        light=_light(rng),
        occluder=_pick(rng, OCCLUDERS) if rng.random() < 0.3 else None,
        blur=min(max(0.0, float(rng.normal(0.0, 0.3))), 0.55),
        noise=float(rng.uniform(0.0, 0.024)),
        seed=int(rng.integers(2**31)),
    )
    return Scene(**{**scene.__dict__, **wanted})
