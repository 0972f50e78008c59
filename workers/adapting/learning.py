"""Learning an adapter, and whether it is worth having: what was not learned from says so, else nothing changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from workers.adapting.descent import STEPS, descend
from workers.adapting.examples import SEARCHES_MIN
from workers.adapting.measuring import ranks
from workers.inference.adapters import ResidualMap
from workers.training.measures.bootstrap import Difference, paired_means

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from workers.adapting.examples import Examples, JudgedExample

    Maps = Mapping[str, ResidualMap]
    Values = NDArray[np.float64]

FOLDS = 3
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""How much of the learned map may be taken; nothing of it is always among the choices."""
PAIRS_LOSS_MAX = 0.01
"""By so much the documents' own pairs may be found worse, in mean reciprocal rank."""
STEPS_IN_ALL = STEPS * (FOLDS + 1)
_NO_GAIN = Difference(0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Learned:
    """The maps by tower, none where there is `nothing` to learn (`too_few`, `no_gain`), and what was measured.

    Each of `searches` was measured with a map that was learned without it. `first_hits` and `reciprocal_ranks`: the
    means before and after; the gains come with their 95 % interval; `pairs`: the pairs' mean reciprocal ranks.
    """

    searches: int
    nothing: str = ""
    maps: dict[str, ResidualMap] = field(default_factory=dict)
    share: float = 0.0
    first_hits: tuple[float, float] = (0.0, 0.0)
    first_hits_gain: Difference = _NO_GAIN
    reciprocal_ranks: tuple[float, float] = (0.0, 0.0)
    reciprocal_ranks_gain: Difference = _NO_GAIN
    pairs: tuple[float, float] = (0.0, 0.0)


def learn(examples: Examples, seed: int = 0, step_done: Callable[[], None] = lambda: None) -> Learned:
    """Learn maps for the towers that judged searches asked with.

    Thirds of the searches are held out in turn. How much of the map is taken for a third is chosen by the two others;
    where the interval of the gain in reciprocal rank holds zero, the answer is that there is nothing to learn.
    `step_done` is called `STEPS_IN_ALL` times.
    """
    groups = examples.groups()
    searches = int(groups.max()) + 1 if len(groups) else 0
    if searches < SEARCHES_MIN:
        return Learned(searches, "too_few")
    folds = _Folds(examples, groups, seed)
    held_out = folds.measured(seed, step_done)
    measured = held_out.by_chosen()
    share = held_out.share()
    nothing = "" if share > 0 and measured.reciprocal_ranks_gain.low > 0 else "no_gain"
    maps = {} if nothing else descend(examples.judged, examples.pairs(), examples.background, seed, step_done)
    return Learned(
        searches,
        nothing,
        {tower: _part(one, share) for tower, one in maps.items()},
        0.0 if nothing else share,
        measured.first_hits,
        measured.first_hits_gain,
        measured.reciprocal_ranks,
        measured.reciprocal_ranks_gain,
        measured.pairs,
    )


def _part(one: ResidualMap, share: float) -> ResidualMap:
    return ResidualMap(np.float32(share) * one.weights, np.float32(share) * one.bias)


class _Folds:
    """The judged searches and the pairs in thirds; a group is never in two."""

    def __init__(self, examples: Examples, groups: NDArray[np.int64], seed: int) -> None:
        draw = np.random.default_rng(seed)
        self._examples, self._pairs = examples, examples.pairs()
        self._groups = groups
        self._fold = (draw.permutation(int(groups.max()) + 1) % FOLDS)[groups]
        of_pair = draw.permutation(len(examples.images)) % FOLDS
        self._fold_of_pair = np.tile(of_pair, len(examples.asked))

    def measured(self, seed: int, step_done: Callable[[], None]) -> _HeldOut:
        """Learn from two thirds and measure the other one, three times."""
        judged, background = self._examples.judged, self._examples.background
        found = np.zeros((len(SHARES), len(judged)))
        of_pairs = np.zeros((len(SHARES), len(self._pairs)))
        for fold in range(FOLDS):
            inside, outside = _split(judged, self._fold == fold)
            pairs_inside, pairs_outside = _split(self._pairs, self._fold_of_pair == fold)
            maps = descend(outside, pairs_outside, background, seed + 1 + fold, step_done)
            for row, share in enumerate(SHARES):
                some = {tower: _part(one, share) for tower, one in maps.items()}
                found[row, self._fold == fold] = ranks(inside, background, some)
                of_pairs[row, self._fold_of_pair == fold] = ranks(pairs_inside, background, some)
        return _HeldOut(found, of_pairs, self._fold, self._fold_of_pair, self._groups)


def _split(
    examples: Sequence[JudgedExample], chosen: NDArray[np.bool_]
) -> tuple[list[JudgedExample], list[JudgedExample]]:
    """Return the chosen ones and the others."""
    both: tuple[list[JudgedExample], list[JudgedExample]] = ([], [])
    for one, is_chosen in zip(examples, chosen, strict=True):
        both[not is_chosen].append(one)
    return both


@dataclass(frozen=True)
class _HeldOut:
    """The rank of each search and of each pair by share, (shares, n), under the map that was learned without it."""

    searches: Values
    pairs: Values
    fold: NDArray[np.int64]
    fold_of_pair: NDArray[np.int64]
    groups: NDArray[np.int64]

    def share(self, but: int = -1) -> float:
        """The share that does most for all searches, or those outside of one third, and the pairs no harm."""
        return SHARES[self._best(but)]

    def _best(self, but: int) -> int:
        gains = (1 / self.searches[:, self.fold != but]).mean(1)
        pairs = 1 / self.pairs[:, self.fold_of_pair != but]
        if pairs.size:
            gains[pairs.mean(1) < pairs[0].mean() - PAIRS_LOSS_MAX] = -1
        return int(gains.argmax())

    def by_chosen(self) -> Learned:
        """Each search before and under the share that the other thirds chose; one value for each group."""
        chosen = np.array([self._best(fold) for fold in range(FOLDS)])
        after = np.take_along_axis(self.searches, chosen[self.fold][None], 0)[0]
        pairs = np.take_along_axis(self.pairs, chosen[self.fold_of_pair][None], 0)[0]
        values = [self._by_group(found) for found in (self.searches[0], after)]
        gains = paired_means(values[1], values[0])
        hits, reciprocal = ((float(values[0][:, k].mean()), float(values[1][:, k].mean())) for k in (0, 1))
        return Learned(
            searches=len(values[0]),
            first_hits=hits,
            first_hits_gain=gains[0],
            reciprocal_ranks=reciprocal,
            reciprocal_ranks_gain=gains[1],
            pairs=(_mean(1 / self.pairs[0]), _mean(1 / pairs)),
        )

    def _by_group(self, found: Values) -> Values:
        """First hits and reciprocal ranks, (groups, 2): the means within each group."""
        sizes = np.bincount(self.groups)
        sums = [np.bincount(self.groups, weights=values) for values in (found == 1, 1 / found)]
        return np.stack(sums, 1) / sizes[:, None]


def _mean(values: Values) -> float:
    return float(values.mean()) if values.size else 0.0
