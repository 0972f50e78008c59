"""The similarity of order embeddings, which no index serves. A pure function; bigger is closer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.training.measures import scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def order_scores(
    query: NDArray[np.float32], stored: NDArray[np.float32], *, query_is_caption: bool
) -> NDArray[np.float32]:
    """Return −‖max(0, caption − image)‖² `(rows,)` of one query `(dim,)` against stored vectors `(rows, dim)`.

    Order embeddings (Vendrov et al. 2016, equation 2): an image lies below its captions in every dimension that
    they name, so only what a caption has more of than the image counts. It is not symmetric.
    """
    sides = (stored, query[None]) if query_is_caption else (query[None], stored)
    return scores.order_scores(*sides).reshape(-1)
