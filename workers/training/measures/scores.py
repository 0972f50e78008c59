"""How close pictures and captions are, by the name of the similarity. numpy only; bigger is closer."""

from collections.abc import Callable
from typing import Any

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
    """−‖max(0, caption − image)‖² for each pair: (n, dim) × (m, dim) → (n, m); holds one block of differences.

    The one formula for vectors that are not trained any more; `neural.similarity.order` has it with gradients.
    """
    images, captions = (np.ascontiguousarray(side, np.float32) for side in (images, captions))
    if len(images) > len(captions):
        return _negative_squares(captions, images, np.subtract).T
    return _negative_squares(images, captions, lambda one, block, out: np.subtract(block, one, out))


def _negative_squares(
    few: Vectors, many: Vectors, subtract: Callable[[Vectors, Vectors, Vectors], Any]
) -> Vectors:
    """Minus the sums of squares above zero of what `subtract` leaves of one of the `few` and a block of the `many`."""
    scores = np.empty((len(few), len(many)), np.float32)
    rows = max(1, ORDER_BLOCK_VALUES // many.shape[1])
    held = np.empty((rows, many.shape[1]), np.float32)
    for start in range(0, len(many), rows):
        block = many[start : start + rows]
        excess = held[: len(block)]
        for row, one in enumerate(few):
            subtract(one, block, excess)
            np.maximum(excess, 0, out=excess)
            np.vecdot(excess, excess, out=scores[row, start : start + len(block)])
    return np.negative(scores, out=scores)


SCORES: dict[str, Score] = {"cosine": cosine_scores, "order": order_scores}
