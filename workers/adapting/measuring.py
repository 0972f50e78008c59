"""How well searches find what belongs to them, under maps or without: reciprocal ranks and first hits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workers.adapting.contrast import twins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from workers.adapting.examples import JudgedExample
    from workers.inference.adapters import ResidualMap

    Floats = NDArray[np.float32]
    Ranks = NDArray[np.float64]

AT_ONCE = 256


def ranks(
    examples: Sequence[JudgedExample], background: Mapping[str, Floats], maps: Mapping[str, ResidualMap]
) -> Ranks:
    """Return the rank (n,) of each search's best relevant unit among its rejected ones and the background, from 1.

    Ties count against it; background that is nearly equal to a relevant unit does not count.
    """
    found = np.zeros(len(examples), np.float64)
    for asks, finds in sorted({(one.asks, one.finds) for one in examples}):
        rows = [row for row, one in enumerate(examples) if (one.asks, one.finds) == (asks, finds)]
        others = _mapped(background[finds], finds, maps)
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            found[some] = _ranks([examples[row] for row in some], background[finds], others, maps)
    return found


def _ranks(
    examples: Sequence[JudgedExample], background: Floats, others: Floats, maps: Mapping[str, ResidualMap]
) -> Ranks:
    asks, finds = examples[0].asks, examples[0].finds
    queries = _mapped(np.stack([one.query for one in examples]), asks, maps)
    relevant = np.concatenate([one.relevant for one in examples])
    owner = np.repeat(np.arange(len(examples)), [len(one.relevant) for one in examples])
    counted = ~twins(relevant, owner, background, len(examples))
    best = np.full(len(examples), -np.inf, np.float32)
    np.maximum.at(best, owner, (_mapped(relevant, finds, maps) * queries[owner]).sum(1))
    above = ((queries @ others.T >= best[:, None]) & counted).sum(1)
    for row, one in enumerate(examples):
        above[row] += int((_mapped(one.rejected, finds, maps) @ queries[row] >= best[row]).sum())
    return np.asarray(1 + above, np.float64)


def _mapped(vectors: Floats, tower: str, maps: Mapping[str, ResidualMap]) -> Floats:
    return maps[tower].vectors(vectors) if tower in maps and len(vectors) else vectors
