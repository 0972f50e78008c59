"""Where a part lies: a floor and a wall behind it, each a square picture that repeats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from demo.drawing.noise import cloud2, smooth

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.drawing.mesh import Floats

SIDE = 256
MAKES = 3  # how many makes of each surface there are
REPEATS = 5  # of a surface in each direction
SMALL_SIDE = 128


@dataclass(frozen=True)
class Place:
    """A floor and a wall, how wide a repeat of each is, how far back the wall stands, how blurred it is."""

    floor: str
    wall: str
    floor_width: float
    wall_width: float
    depth: float
    blur: float


PLACES: dict[str, Place] = {
    "workbench": Place("planks", "pegboard", 2.6, 2.0, 2.2, 0.006),
    "concrete": Place("concrete", "plaster", 4.0, 4.0, 3.0, 0.008),
    "factory": Place("tiles", "lamps", 4.0, 6.0, 6.0, 0.02),
    "grass": Place("grass", "leaves", 3.0, 5.0, 6.0, 0.02),
    "crate": Place("slats", "slats", 2.2, 2.2, 1.35, 0.003),
    "wall": Place("plaster", "bricks", 4.0, 2.4, 1.1, 0.002),
    "steel": Place("tread", "panels", 2.4, 3.0, 2.8, 0.01),
    "studio": Place("paper", "paper", 6.0, 6.0, 9.0, 0.01),
}


def _tinted(base: tuple[float, float, float], light: Floats, spread: float) -> Floats:
    """A picture (side, side, 3) of one colour, varied by a cloud."""
    result: Floats = (np.array(base, np.float32) * (1 + spread * light[..., None])).astype(np.float32)
    return result


def _boards(seed: int, count: int, base: tuple[float, float, float], gap: int) -> Floats:
    rng = np.random.default_rng(seed)
    grain = np.roll(cloud2(SIDE, 1.2, seed), 3, axis=0)
    stretched = np.repeat(grain[:, : SIDE // 8], 8, axis=1)
    picture = _tinted(base, stretched * 0.6 + cloud2(SIDE, 1.7, seed + 1) * 0.4, 0.13)
    height = SIDE // count
    for i in range(count):
        board = slice(i * height, (i + 1) * height)
        picture[board] = np.roll(picture[board], int(rng.integers(SIDE)), axis=1) * rng.uniform(0.82, 1.12)
        picture[i * height : i * height + gap] *= 0.3
        joint = int(rng.integers(SIDE))
        picture[board, joint : joint + 2] *= 0.45
    return picture


def _planks(seed: int) -> Floats:
    return _boards(seed, 4, ((0.62, 0.44, 0.27), (0.48, 0.33, 0.22), (0.74, 0.60, 0.42))[seed % 3], 2)


def _slats(seed: int) -> Floats:
    return _boards(seed, 3, ((0.74, 0.60, 0.40), (0.60, 0.47, 0.33), (0.66, 0.58, 0.46))[seed % 3], 7)


def _concrete(seed: int) -> Floats:
    spots = cloud2(SIDE, 0.6, seed + 9)
    picture = _tinted((0.56, 0.56, 0.55), cloud2(SIDE, 1.6, seed), 0.10) * (1 + 0.05 * spots[..., None])
    crack = np.abs(cloud2(SIDE, 1.9, seed + 4)) < 0.012
    picture[crack] *= 0.6
    return np.asarray(picture, np.float32)


def _plaster(seed: int) -> Floats:
    base = ((0.72, 0.69, 0.62), (0.55, 0.63, 0.66), (0.66, 0.70, 0.60))[seed % 3]
    return _tinted(base, cloud2(SIDE, 1.4, seed) + 0.3 * cloud2(SIDE, 0.5, seed + 1), 0.05)


def _tiles(seed: int) -> Floats:
    base = ((0.42, 0.47, 0.46), (0.50, 0.46, 0.42), (0.38, 0.42, 0.50))[seed % 3]
    picture = _tinted(base, cloud2(SIDE, 1.5, seed), 0.07)
    step = SIDE // 4
    for i in range(4):
        picture[i * step : i * step + 2] *= 0.7
        picture[:, i * step : i * step + 2] *= 0.7
    if seed % 2:
        stripe = (np.add.outer(np.arange(24), np.arange(SIDE)) // 16) % 2
        picture[40:64] = np.where(stripe[..., None], (0.80, 0.68, 0.16), (0.16, 0.16, 0.17))
    return picture


def _grass(seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (SIDE, SIDE), (60, 84, 36))
    pen = ImageDraw.Draw(image)
    for _ in range(5200):
        x, y = rng.integers(-10, SIDE + 10, 2).tolist()
        lean, tall = rng.normal(0, 4), rng.uniform(6, 16)
        shade = rng.uniform(0.55, 1.3)
        green = (int(96 * shade), int(128 * shade), int(52 * shade))
        pen.line([(x, y), (x + lean, y - tall)], fill=green, width=int(rng.integers(1, 3)))
    return np.asarray(image, np.float32) / 255


def _leaves(seed: int) -> Floats:
    patches = smooth(-1.0, 1.6, cloud2(SIDE, 1.1, seed))[..., None]
    low, high = np.array((0.16, 0.24, 0.12), np.float32), np.array((0.66, 0.76, 0.52), np.float32)
    return np.asarray(low + (high - low) * patches, np.float32)


def _lamps(seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (SIDE, SIDE), ((52, 58, 66), (70, 64, 58), (58, 70, 72))[seed % 3])
    pen = ImageDraw.Draw(image)
    for _ in range(26):
        x, y = rng.integers(0, SIDE, 2).tolist()
        w, h = rng.integers(10, 60), rng.integers(10, 90)
        grey = int(rng.integers(40, 130))
        pen.rectangle(
            [x, y, x + w, y + h],
            fill=(grey, grey + int(rng.integers(-12, 12)), grey + int(rng.integers(-15, 20))),
        )
    for _ in range(9):
        x, y = rng.integers(0, SIDE, 2).tolist()
        r = int(rng.integers(5, 14))
        pen.ellipse([x - r, y - r, x + r, y + r], fill=(250, 236, int(rng.integers(180, 240))))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(3)), np.float32) / 255


def _bricks(seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    mortar, base = (0.70, 0.67, 0.62), ((0.58, 0.33, 0.26), (0.72, 0.66, 0.58), (0.44, 0.40, 0.40))[seed % 3]
    picture = _tinted(mortar, cloud2(SIDE, 1.0, seed), 0.06)
    grain = cloud2(SIDE, 0.8, seed + 2)
    for row in range(8):
        for column in range(4):
            x = column * 64 + 32 * (row % 2)
            columns = np.arange(x + 2, x + 62) % SIDE
            rows = np.arange(row * 32 + 2, row * 32 + 30)
            shade = rng.uniform(0.78, 1.15) + 0.07 * grain[np.ix_(rows, columns)]
            picture[np.ix_(rows, columns)] = np.array(base, np.float32) * shade[..., None]
    return picture


def _pegboard(seed: int) -> Floats:
    base = ((0.58, 0.47, 0.34), (0.48, 0.52, 0.56), (0.64, 0.64, 0.60))[seed % 3]
    picture = _tinted(base, cloud2(SIDE, 1.5, seed), 0.05)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    hole = ((x % 32 - 16) ** 2 + (y % 32 - 16) ** 2) < 14
    picture[hole] *= 0.35
    return picture


def _tread(seed: int) -> Floats:
    picture = _tinted((0.52, 0.54, 0.56), cloud2(SIDE, 1.3, seed), 0.07)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    cell = (x // 32 + y // 32) % 2
    u, v = x % 32 - 16, y % 32 - 16
    along, across = np.where(cell, u + v, u - v), np.where(cell, u - v, u + v)
    lens = (along / 17.0) ** 2 + (across / 6.0) ** 2
    picture *= np.where(lens < 1, 1.0 + 0.35 * np.sign(-across) * (lens > 0.35) + 0.12, 1.0)[..., None]
    return np.asarray(picture, np.float32)


def _panels(seed: int) -> Floats:
    base = ((0.46, 0.52, 0.58), (0.60, 0.60, 0.58), (0.50, 0.54, 0.48))[seed % 3]
    picture = _tinted(base, cloud2(SIDE, 1.6, seed), 0.05)
    picture[:, ::64] *= 0.6
    picture[:, 1::64] *= 1.25
    return picture


def _paper(seed: int) -> Floats:
    base = ((0.80, 0.79, 0.76), (0.62, 0.68, 0.74), (0.72, 0.66, 0.66))[seed % 3]
    return _tinted(base, cloud2(SIDE, 1.8, seed), 0.015)


_MAKERS: dict[str, Callable[[int], Floats]] = {
    "planks": _planks, "slats": _slats, "concrete": _concrete, "plaster": _plaster, "tiles": _tiles,
    "grass": _grass, "leaves": _leaves, "lamps": _lamps, "bricks": _bricks, "pegboard": _pegboard,
    "tread": _tread, "panels": _panels, "paper": _paper,
}  # fmt: skip


@lru_cache(maxsize=128)
def _tile(name: str, make: int, side: int) -> Image.Image:
    once = Image.fromarray(np.clip(_MAKERS[name](make) * 255, 0, 255).astype(np.uint8))
    return once.resize((side, side), Image.Resampling.LANCZOS)


def _sheet(name: str, make: int, side: int) -> Image.Image:
    sheet = Image.new("RGB", (side * REPEATS, side * REPEATS))
    tile = _tile(name, make, side)
    for x in range(REPEATS):
        for y in range(REPEATS):
            sheet.paste(tile, (x * side, y * side))
    return sheet


_kept_sheet = lru_cache(maxsize=len(_MAKERS) * MAKES)(_sheet)


def surface_picture(name: str, make: int, side: int) -> Image.Image:
    """A surface, `side` pixels a repeat, repeated so that a plane seen at a slant does not run out.

    Small ones are kept, for training sets; large ones (5 MB each) are put together again every time.
    """
    return _kept_sheet(name, make, side) if side <= SMALL_SIDE else _sheet(name, make, side)
