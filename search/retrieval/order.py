"""The similarity of order embeddings, which no index serves. A pure function; bigger is closer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK_ROWS = 4096


def order_scores(
    query: NDArray[np.float32], stored: NDArray[np.float32], *, query_is_caption: bool
) -> NDArray[np.float32]:
    """Return −‖max(0, caption − image)‖² `(rows,)` of one query `(dim,)` against stored vectors `(rows, dim)`.

    Order embeddings (Vendrov et al. 2016, equation 2): an image lies below its captions in every dimension that
    they name, so only what a caption has more of than the image counts. It is not symmetric.
    """
    scores = np.empty(len(stored), dtype=np.float32)
    for start in range(0, len(stored), CHUNK_ROWS):
        rows = stored[start : start + CHUNK_ROWS]
        excess = np.maximum(0, query - rows if query_is_caption else rows - query)
        scores[start : start + CHUNK_ROWS] = -np.einsum("ij,ij->i", excess, excess)
    return scores
