"""Writes the drawn corpus to disk: a training set, documents, and labelled drawings."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np

from search.demo.drawing import Scene, draw, scene_sample
from search.demo.texts.captions import captions

if TYPE_CHECKING:
    from pathlib import Path

TRAINING_SIZE = 128  # pixels
SHOWN_SIZE = 640
JPEG_QUALITY = 90
VALIDATION_SHARE = 0.04
TRAINING_STREAM, DOCUMENT_STREAM, DRAWING_STREAM = (
    1,
    2,
    3,
)  # so that one seed never gives the same scene twice


def _scene(stream: int, seed: int, number: int) -> Scene:
    return scene_sample(np.random.default_rng([stream, seed, number]))


def _save(scene: Scene, path: Path, size: int) -> None:
    draw(scene, size).save(path, quality=JPEG_QUALITY)


def _training_item(number: int, *, images: Path, seed: int) -> list[str]:
    scene = _scene(TRAINING_STREAM, seed, number)
    name = f"{seed}-{number:06d}.jpg"
    _save(scene, images / name, TRAINING_SIZE)
    told = captions(scene, np.random.default_rng([TRAINING_STREAM, seed, number, 1]))
    return [f"{name}#{k}\t{text}\n" for k, text in enumerate(told)]


def write_training_set(out: Path, seed: int, count: int, processes: int = 1) -> None:
    """Writes `count` captioned drawings in Flickr8k's layout.

    images/*.jpg (128² pixels), captions.txt (`name.jpg#k<TAB>caption`, five a picture), train.txt and val.txt (a name a line).
    """
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    work = partial(_training_item, images=images, seed=seed)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        lines = (
            list(pool.map(work, range(count), chunksize=64))
            if processes > 1
            else list(map(work, range(count)))
        )
    (out / "captions.txt").write_text("".join(line for item in lines for line in item))
    names = [item[0].split("#")[0] + "\n" for item in lines]
    held = max(1, round(count * VALIDATION_SHARE))
    (out / "val.txt").write_text("".join(names[:held]))
    (out / "train.txt").write_text("".join(names[held:]))
