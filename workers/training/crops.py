"""Crops of a decoded picture, uint8 (height, width, 3) → (size, size, 3): at random for training, fixed otherwise."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.training.recipe import PixelsConfig

Picture = NDArray[np.uint8]
ASPECT = 4 / 3  # a zoomed crop is at most this much wider than high, or the reverse


def random_crop(picture: Picture, config: PixelsConfig, rng: np.random.Generator) -> Picture:
    """One training crop; the same generator state gives the same crop."""
    if config.train_crop == "zoom":
        crop = _zoomed(picture, config, rng)
    elif config.train_crop == "random":
        top = int(rng.integers(picture.shape[0] - config.size + 1))
        left = int(rng.integers(picture.shape[1] - config.size + 1))
        crop = _cut(picture, top, left, config.size)
    else:
        crop = center_crop(picture, config.size)
    return mirrored(crop) if config.flip and rng.random() < 0.5 else crop


def center_crop(picture: Picture, size: int) -> Picture:
    """The middle, where serving cuts it too."""
    return _cut(picture, (picture.shape[0] - size) // 2, (picture.shape[1] - size) // 2, size)


def fixed_views(picture: Picture, size: int, views: str) -> list[Picture]:
    """`center`: the middle. `flip`: and its mirror. `ten`: the middle, four corners, and the mirrors of these five."""
    crops = [center_crop(picture, size)]
    if views == "ten":
        down, right = picture.shape[0] - size, picture.shape[1] - size
        crops += [_cut(picture, top, left, size) for top in (0, down) for left in (0, right)]
    return crops if views == "center" else crops + [mirrored(crop) for crop in crops]


def mirrored(picture: Picture) -> Picture:
    """Left and right exchanged."""
    return np.ascontiguousarray(picture[:, ::-1])


def _cut(picture: Picture, top: int, left: int, size: int) -> Picture:
    return picture[top : top + size, left : left + size]


def _zoomed(picture: Picture, config: PixelsConfig, rng: np.random.Generator) -> Picture:
    """A part of `zoom_min` to 1 of the largest square's area, of varied aspect, scaled to the crop's size."""
    height, width = picture.shape[:2]
    side = min(height, width) * np.sqrt(rng.uniform(config.zoom_min, 1.0))
    stretch = np.exp(rng.uniform(-np.log(ASPECT), np.log(ASPECT)) / 2)
    wide, high = min(side * stretch, width), min(side / stretch, height)
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    box = (left, top, left + wide, top + high)
    size = (config.size, config.size)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR, box=box))
