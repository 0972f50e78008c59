"""Stored vectors for the benchmarks: clustered unit vectors, the same for the same seed on every machine.

A network with random weights maps all photos to nearly one point, so an index of its own vectors would measure
nothing. These have the shape that trained embeddings have: tight groups of unequal size on the unit sphere, and
queries drawn from the same groups but never equal to a stored vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

DIM = 1024
GROUP_SIZE = 70
NOISE = 0.9  # length of the noise relative to the group's centre: neighbours at cosine ~0.55


def centres(count: int, seed: int, dim: int = DIM) -> NDArray[np.float32]:
    """Return the unit centres of `count // GROUP_SIZE` groups, float32 `(groups, dim)`."""
    rng = np.random.default_rng(seed)
    return _unit(rng.standard_normal((max(1, count // GROUP_SIZE), dim), dtype=np.float32))


def stored(count: int, seed: int = 1, batch: int = 5000, dim: int = DIM) -> Iterator[NDArray[np.float32]]:
    """Yield `count` unit vectors in batches, float32 `(≤ batch, dim)`."""
    middle = centres(count, seed, dim)
    rng = np.random.default_rng([seed, 1])
    for start in range(0, count, batch):
        yield _around(middle, min(batch, count - start), rng)


def queries(count: int, stored_count: int, seed: int = 1, dim: int = DIM) -> NDArray[np.float32]:
    """Return `count` query vectors from the groups of `stored(stored_count, seed)`, float32 `(count, dim)`."""
    return _around(centres(stored_count, seed, dim), count, np.random.default_rng([seed, 2]))


def _around(middle: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    groups = (len(middle) * rng.random(count) ** 1.5).astype(
        np.int64
    )  # some groups are much larger than others
    noise = _unit(rng.standard_normal((count, middle.shape[1]), dtype=np.float32))
    return _unit(middle[groups] + NOISE * noise)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
