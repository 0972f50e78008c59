"""nDCG (Järvelin and Kekäläinen 2002): an item at rank r, from 1, adds its gain / log₂(1 + r), as in trec_eval.

Trained models are measured by it with gains of 0 and 1, people's judgements with grades.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

DEPTH = 10
"""The ranks that count: nDCG@10."""


def discounts(ranks: ArrayLike) -> NDArray[np.float64]:
    """What a gain of 1 adds at these ranks; nothing below the first ten."""
    places = np.asarray(ranks, np.float64)
    return np.where(places <= DEPTH, 1 / np.log2(1 + places), 0)


def ndcg(gains: Sequence[float], available: Iterable[float]) -> float:
    """nDCG@10 of a ranking's gains, best first, where the best ranking would have the gains `available`; 0 to 1."""
    best = _dcg(sorted(available, reverse=True))
    return _dcg(gains) / best if best else 0.0


def _dcg(gains: Sequence[float]) -> float:
    first = np.asarray(gains[:DEPTH], np.float64)
    return float(first @ discounts(np.arange(1, len(first) + 1)))
