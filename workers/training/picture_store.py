"""Pictures decoded once, at the scale from which crops are cut, as a memory-mapped file of bytes.

The file is made beside its place and moved there when it is whole, so an interrupted run leaves no half store.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.inference.errors import PictureError
from workers.inference.manifest import ImageSpec
from workers.inference.pictures import open_picture, to_crop_scale
from workers.training.errors import TrainingError

Progress = Callable[[str, int, int], None]
DECODERS = 2
END_BYTES = 4096
# Changed whenever the stored bytes of the same picture change.
STORE_FORMAT = 1


class PictureStore:
    """`store[i]` is picture i as uint8 (height, width, 3), its shorter side `spec.resize`; nothing is copied.

    `key` names these pictures at this scale.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.key = key
        self._shapes: NDArray[np.int64] = np.load(folder / "shapes.npy")
        sizes = 3 * self._shapes[:, 0] * self._shapes[:, 1]
        self._starts = np.concatenate(([0], np.cumsum(sizes)))
        self._bytes = np.memmap(folder / "pixels.bin", dtype=np.uint8, mode="r")

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        height, width = self._shapes[number]
        return self._bytes[self._starts[number] : self._starts[number + 1]].reshape(height, width, 3)


def picture_store(paths: tuple[Path, ...], spec: ImageSpec, cache: Path, progress: Progress) -> PictureStore:
    """The store of these pictures, from `cache` where it was made before. Raises TrainingError for unreadable ones."""
    key = pictures_key(paths, spec)
    folder = cache / f"pictures-{key}"
    if not folder.exists():
        _build(paths, spec, folder, progress)
    return PictureStore(folder, key)


def pictures_key(paths: tuple[Path, ...], spec: ImageSpec) -> str:
    """A name for these pictures at this scale, wherever their files lie and whenever these were written."""
    scale = (STORE_FORMAT, spec.resize, spec.crop, spec.interpolation)
    key = hashlib.sha256(json.dumps(scale).encode())
    for path in paths:
        key.update(_size_and_ends(path))
    return key.hexdigest()[:20]


def _size_and_ends(path: Path) -> bytes:
    """What tells a picture's file from any other: reading all of a large set would take minutes, its dates change."""
    with path.open("rb") as file:
        head = file.read(END_BYTES)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - END_BYTES))
        return hashlib.sha256(b"%d %b %b" % (size, head, file.read())).digest()


def _build(paths: tuple[Path, ...], spec: ImageSpec, folder: Path, progress: Progress) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    partial.mkdir()
    try:
        with (partial / "pixels.bin").open("wb") as sink:
            shapes = []
            for number, pixels in enumerate(_decoded(paths, spec), 1):
                sink.write(pixels.tobytes())
                shapes.append(pixels.shape[:2])
                progress("decoding pictures", number, len(paths))
        np.save(partial / "shapes.npy", np.array(shapes, np.int64))
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _decoded(paths: tuple[Path, ...], spec: ImageSpec) -> Iterator[NDArray[np.uint8]]:
    with ThreadPoolExecutor(DECODERS) as pool:
        for start in range(0, len(paths), 256):
            yield from pool.map(lambda path: decoded(path, spec), paths[start : start + 256])


def decoded(path: Path, spec: ImageSpec) -> NDArray[np.uint8]:
    """One picture at crop scale, uint8 (height, width, 3); TrainingError names the file that cannot be read."""
    try:
        picture = open_picture(path.read_bytes(), shortest_side=spec.resize)
    except (PictureError, OSError) as error:
        raise TrainingError(f"The picture {path} cannot be used: {error}") from None
    return np.asarray(to_crop_scale(picture, spec))
