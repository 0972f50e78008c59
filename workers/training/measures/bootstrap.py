"""Is one model better than another, or was it the choice of pictures? Paired bootstrap over the same queries.

Pictures are drawn with replacement, each with all its captions, so both directions are resampled together and what a
picture makes easy or hard for both models cancels out (Efron and Tibshirani 1993, chapter 13; paired, percentile
interval).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.training.errors import TrainingError
from workers.training.measures.places import Labels, Places
from workers.training.measures.quality import SUMMED
from workers.training.measures.ranks import Ranks

Values = NDArray[np.float64]

DRAWS = 10_000
DRAWS_AT_ONCE = 1_000
NAMES = tuple(f"{way} R@{k}" for way in ("image → text", "text → image") for k in SUMMED)


@dataclass(frozen=True, slots=True)
class Difference:
    """First minus second model, recalls in points of percent; `low` to `high` holds 95 % of the draws.

    `chance`: twice the share of draws on the other side of zero, at most 1; like a two-sided p-value.
    """

    value: float
    low: float
    high: float
    chance: float

    @property
    def verdict(self) -> str:
        """Whether the first model is better: confirmed, refuted, or undecided where the interval holds zero."""
        if self.low > 0:
            return "confirmed"
        return "refuted" if self.high < 0 else "undecided"

    def within(self, points: float) -> str:
        """Whether the models are level, to within so many points: the whole interval inside, outside, or neither."""
        if -points <= self.low and self.high <= points:
            return "confirmed"
        return "refuted" if self.low > points or self.high < -points else "undecided"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference in the sum of the six recalls and in each of them, by name; `units` were drawn `draws` times."""

    sum_of_recalls: Difference
    recalls: dict[str, Difference]
    units: int
    draws: int

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the verdict on “the first is better”."""
        parts = {"sum of recalls": self.sum_of_recalls, **self.recalls}
        values = {
            name: {"difference": d.value, "low": d.low, "high": d.high, "chance": d.chance}
            for name, d in parts.items()
        }
        return {"verdict": self.sum_of_recalls.verdict, "units": self.units, "draws": self.draws, **values}


def paired_bootstrap(first: Ranks, second: Ranks, draws: int = DRAWS, seed: int = 0) -> Comparison:
    """Compare two models on the same queries. Raises TrainingError where the queries are not the same.

    The units drawn are labels: pictures with their captions, or whole groups where pictures share captions.
    """
    if not _same_queries(first, second):
        raise TrainingError(
            "The two were not measured on the same pictures and captions; evaluate both on one split."
        )
    counts, hits = _by_unit(first), [_hits(ranks) for ranks in (first, second)]
    change = 100 * (hits[0] - hits[1])
    rng, units = np.random.default_rng(seed), len(counts)
    drawn = [
        _shares(
            rng.multinomial(units, np.full(units, 1 / units), size=min(DRAWS_AT_ONCE, draws - start)),
            change,
            counts,
        )
        for start in range(0, draws, DRAWS_AT_ONCE)
    ]
    resampled, observed = np.concatenate(drawn), _shares(np.ones((1, units)), change, counts)[0]
    return Comparison(
        _difference(float(observed.sum()), resampled.sum(1)),
        {name: _difference(float(observed[k]), resampled[:, k]) for k, name in enumerate(NAMES)},
        units,
        draws,
    )


def paired_means(first: Values, second: Values, draws: int = DRAWS, seed: int = 0) -> list[Difference]:
    """Compare two models by any measures of the same queries, (queries, measures) each, in their own unit.

    The difference of the means of each measure; the queries are drawn with replacement. Raises TrainingError where
    there are none, or not the same number.
    """
    if first.shape != second.shape or not len(first):
        raise TrainingError("Two models are compared on the same queries, of which there is at least one.")
    change, rng, units = first - second, np.random.default_rng(seed), len(first)
    drawn = [
        rng.multinomial(units, np.full(units, 1 / units), size=min(DRAWS_AT_ONCE, draws - start))
        @ change
        / units
        for start in range(0, draws, DRAWS_AT_ONCE)
    ]
    resampled = np.concatenate(drawn)
    return [_difference(float(value), resampled[:, k]) for k, value in enumerate(change.mean(0))]


def _same_queries(first: Ranks, second: Ranks) -> bool:
    return np.array_equal(first.of_images, second.of_images) and np.array_equal(
        first.of_captions, second.of_captions
    )


def _by_unit(ranks: Ranks) -> Values:
    """How many image and how many caption queries each unit has, (units, 2)."""
    return np.stack(
        [_sums(labels, np.ones(len(labels)), ranks) for labels in (ranks.of_images, ranks.of_captions)], 1
    )


def _hits(ranks: Ranks) -> Values:
    """How many of each unit's queries have a right item among the first k, (units, 6) in the order of NAMES."""
    sides: tuple[tuple[Places, Labels], ...] = (
        (ranks.image_to_text, ranks.of_images),
        (ranks.text_to_image, ranks.of_captions),
    )
    return np.stack([_sums(labels, places.ranks <= k, ranks) for places, labels in sides for k in SUMMED], 1)


def _sums(labels: Labels, values: Any, ranks: Ranks) -> Values:
    names = np.unique(ranks.of_images)
    sums = np.bincount(np.searchsorted(names, labels), weights=values, minlength=len(names))
    return sums.astype(np.float64)


def _shares(weights: Any, change: Values, counts: Values) -> Values:
    """The six differences of each draw, (draws, 6): hits over queries, both as drawn."""
    weights = weights.astype(np.float64)
    shares: Values = (weights @ change) / np.repeat(weights @ counts, len(SUMMED), axis=1)
    return shares


def _difference(value: float, drawn: Values) -> Difference:
    low, high = np.percentile(drawn, (2.5, 97.5))
    other_side = min(float((drawn <= 0).mean()), float((drawn >= 0).mean()))
    return Difference(value, float(low), float(high), min(1.0, 2 * other_side))
