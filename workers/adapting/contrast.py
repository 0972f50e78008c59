"""One step's loss and its gradient: right answers against all others of a batch, by hand, in numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workers.adapting.examples import TWIN_COSINE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from workers.adapting.examples import JudgedExample

    Floats = NDArray[np.float32]
    Bools = NDArray[np.bool_]

TEMPERATURE = 0.07


@dataclass(frozen=True)
class ContrastBatch:
    """Searches of one direction, `queries` (n, dim), and what each is asked among, `units` (m, dim).

    `right` and `counts` (n, m): how right an answer each unit is, 0 for none and 1 for the best, and which units count
    at all: twins of an answer do not.
    """

    asks: str
    finds: str
    queries: Floats
    units: Floats
    right: Floats
    counts: Bools


def batch_of(examples: Sequence[JudgedExample], background: Floats) -> ContrastBatch:
    """Return searches of one direction with all of their units, and others (m, dim), as each other's wrong answers."""
    relevant = np.concatenate([one.relevant for one in examples])
    owner = np.repeat(np.arange(len(examples)), [len(one.relevant) for one in examples])
    units = np.concatenate([relevant, *(one.rejected for one in examples), background])
    right = np.zeros((len(examples), len(units)), np.float32)
    right[owner, np.arange(len(relevant))] = np.concatenate([one.right for one in examples])
    counts = ~twins(relevant, owner, units, len(examples))
    _rejected_count(counts, examples, len(relevant))
    queries = np.stack([one.query for one in examples])
    return ContrastBatch(examples[0].asks, examples[0].finds, queries, units, right, counts | (right > 0))


def twins(relevant: Floats, owner: NDArray[np.int64], units: Floats, searches: int) -> Bools:
    """Return which units (m, dim) are nearly equal to one of a search's relevant ones: (searches, m).

    `owner`, ascending, says which search each relevant one belongs to; every search has one.
    """
    near = relevant @ units.T >= TWIN_COSINE
    starts = np.searchsorted(owner, np.arange(searches))
    return np.asarray(np.logical_or.reduceat(near, starts, axis=0), bool)


def _rejected_count(counts: Bools, examples: Sequence[JudgedExample], start: int) -> None:
    """Let what a person rejected count as wrong for that search, however near it is: somebody said so."""
    for row, one in enumerate(examples):
        end = start + len(one.rejected)
        counts[row, start:end] = True
        start = end


@dataclass
class Slope:
    """The gradient of one tower's map: of its `weights` (dim, dim) and `bias` (dim)."""

    weights: Floats
    bias: Floats


def loss_and_slopes(
    batch: ContrastBatch, maps: Mapping[str, tuple[Floats, Floats]]
) -> tuple[float, dict[str, Slope]]:
    """Return the mean of −log(Σ right · exp(score) / Σ exp of all that count), and its gradient by tower in `maps`.

    The InfoNCE loss (van den Oord et al. 2018) with several right answers, of which a less right one counts for less:
    it belongs behind the best and before all others. `maps`: the learned towers' weights, bias.
    """
    asked, found = _Side(batch.queries, maps.get(batch.asks)), _Side(batch.units, maps.get(batch.finds))
    scores = np.where(batch.counts, asked.unit @ found.unit.T / TEMPERATURE, -np.inf)
    powers = np.exp(scores - scores.max(1, keepdims=True))
    all_of = powers / powers.sum(1, keepdims=True)
    right = batch.right * powers
    shares = (right.sum(1) + 1e-12) / powers.sum(1)
    of_right = right / (right.sum(1, keepdims=True) + 1e-12)
    wanted = ((all_of - of_right) / (TEMPERATURE * len(scores))).astype(np.float32)
    slopes: dict[str, Slope] = {}
    for tower, side, towards in (
        (batch.asks, asked, wanted @ found.unit),
        (batch.finds, found, wanted.T @ asked.unit),
    ):
        if tower in maps:
            _add(slopes, tower, side.slope(towards))
    return float(-np.log(shares).mean()), slopes


def _add(slopes: dict[str, Slope], tower: str, more: Slope) -> None:
    if tower in slopes:
        more = Slope(slopes[tower].weights + more.weights, slopes[tower].bias + more.bias)
    slopes[tower] = more


class _Side:
    """Vectors behind their tower's map, at unit length; remembers what the way back needs."""

    def __init__(self, vectors: Floats, of_tower: tuple[Floats, Floats] | None) -> None:
        self._vectors = vectors
        self.unit, self._lengths = vectors, np.ones((len(vectors), 1), np.float32)
        if of_tower is not None:
            moved = vectors + vectors @ of_tower[0] + of_tower[1]
            self._lengths = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6)
            self.unit = moved / self._lengths

    def slope(self, towards: Floats) -> Slope:
        """From the loss's gradient by the unit vectors to that by the map: through the division by the length."""
        along = (towards * self.unit).sum(1, keepdims=True)
        moved = (towards - self.unit * along) / self._lengths
        return Slope(self._vectors.T @ moved, moved.sum(0))
