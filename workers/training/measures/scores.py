"""How close pictures and captions are, by the name of the similarity. numpy only; bigger is closer."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Score = Callable[[Vectors, Vectors], Vectors]

# Values of the captions compared at once: 64 × 1,024 float32 are 256 KB, which stay in a core's cache.
ORDER_BLOCK_VALUES = 1 << 16


def cosine_scores(images: Vectors, captions: Vectors) -> Vectors:
    """(n, dim) × (m, dim) of unit length → (n, m)."""
    scores: Vectors = images @ captions.T
    return scores


def order_scores(images: Vectors, captions: Vectors) -> Vectors:
    """−‖max(0, caption − image)‖² for each pair: (n, dim) × (m, dim) → (n, m); holds one block of differences."""
    images, captions = (np.ascontiguousarray(side, np.float32) for side in (images, captions))
    scores = np.empty((len(images), len(captions)), np.float32)
    rows = max(1, ORDER_BLOCK_VALUES // captions.shape[1])
    block = np.empty((rows, captions.shape[1]), np.float32)
    for start in range(0, len(captions), rows):
        some = captions[start : start + rows]
        excess = block[: len(some)]
        for row, image in enumerate(images):
            np.subtract(some, image, out=excess)
            np.maximum(excess, 0, out=excess)
            np.vecdot(excess, excess, out=scores[row, start : start + len(some)])
    return np.negative(scores, out=scores)


SCORES: dict[str, Score] = {"cosine": cosine_scores, "order": order_scores}
