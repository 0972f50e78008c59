"""A few hundred steps of Adam on batches of judged searches and pairs, from the map that changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workers.adapting.contrast import Slope, batch_of, loss_and_slopes
from workers.inference.adapters import ResidualMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from workers.adapting.contrast import ContrastBatch
    from workers.adapting.examples import JudgedExample

    Floats = NDArray[np.float32]

STEPS = 300
RATE = 3e-4
DECAY = 0.1
"""How strongly every step draws the map back to the one that changes nothing."""
JUDGED_AT_ONCE = 32
PAIRS_AT_ONCE = 32
BACKGROUND_AT_ONCE = 256
BETAS = (0.9, 0.999)
EPSILON = 1e-8


def descend(
    judged: Sequence[JudgedExample],
    pairs: Sequence[JudgedExample],
    background: Mapping[str, Floats],
    seed: int,
    step_done: Callable[[], None],
) -> dict[str, ResidualMap]:
    """Return the maps of the towers that judged searches asked with; `pairs` keep them near what the model knew."""
    dim, draw = len(judged[0].query), np.random.default_rng(seed)
    learned = {one.asks: _Adam(dim) for one in judged}
    for _ in range(STEPS):
        slopes: dict[str, list[Slope]] = {tower: [] for tower in learned}
        for batch in _batches(judged, pairs, background, draw):
            _, found = loss_and_slopes(batch, {tower: one.values for tower, one in learned.items()})
            for tower, slope in found.items():
                slopes[tower].append(slope)
        for tower, one in learned.items():
            one.step(slopes[tower])
        step_done()
    return {tower: ResidualMap(*one.values) for tower, one in learned.items()}


def _batches(
    judged: Sequence[JudgedExample],
    pairs: Sequence[JudgedExample],
    background: Mapping[str, Floats],
    draw: np.random.Generator,
) -> Iterator[ContrastBatch]:
    for examples, size in ((judged, JUDGED_AT_ONCE), (pairs, PAIRS_AT_ONCE)):
        if not examples:
            continue
        chosen = [
            examples[row] for row in draw.choice(len(examples), min(size, len(examples)), replace=False)
        ]
        for direction in sorted({(one.asks, one.finds) for one in chosen}):
            others = background[direction[1]]
            rows = draw.choice(len(others), min(BACKGROUND_AT_ONCE, len(others)), replace=False)
            yield batch_of([one for one in chosen if (one.asks, one.finds) == direction], others[rows])


class _Adam:
    """One tower's map and its moments (Kingma and Ba 2015)."""

    def __init__(self, dim: int) -> None:
        self._all = np.zeros((dim + 1, dim), np.float32)
        self._mean, self._square = np.zeros_like(self._all), np.zeros_like(self._all)
        self._steps = 0

    @property
    def values(self) -> tuple[Floats, Floats]:
        """The map's weights (dim, dim) and bias (dim)."""
        return self._all[:-1], self._all[-1]

    def step(self, slopes: Sequence[Slope]) -> None:
        """Go one step down the sum of these gradients and of the decay's."""
        self._steps += 1
        slope = DECAY * self._all
        for one in slopes:
            slope[:-1] += one.weights
            slope[-1] += one.bias
        self._mean = BETAS[0] * self._mean + (1 - BETAS[0]) * slope
        self._square = BETAS[1] * self._square + (1 - BETAS[1]) * slope**2
        mean = self._mean / (1 - BETAS[0] ** self._steps)
        square = self._square / (1 - BETAS[1] ** self._steps)
        self._all -= RATE * mean / (np.sqrt(square) + EPSILON)
