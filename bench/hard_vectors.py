"""Generated vectors that are as hard to index as trained ones: no tight groups, and questions from elsewhere.

A unit's vector is a draw from a Gaussian whose variances fall by a power law (as the spectrum of a trained encoder's
outputs does), around a topic; topics are of very unequal size. A random rotation spreads each direction over all
dimensions, some noise lies outside of all of them, and all is scaled to length 1. Questions are drawn around the same
topics, with more noise and moved by one vector for all of them, as photos are beside captions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

BATCH = 10_000
NEIGHBOURS = 20


@dataclass(frozen=True)
class HardSet:
    """How the vectors are drawn; the same seed gives the same ones on every machine."""

    dim: int = 1024
    seed: int = 1
    directions: int = 192
    power: float = 0.7
    topics: int = 2000
    topic_share: float = 0.4
    noise: float = 0.5
    gap: float = 0.6

    def stored(self, count: int) -> Iterator[Floats]:
        """Yield `count` vectors in batches, float32 `(≤ 10,000, dim)`; those of a smaller set are its first."""
        rng = np.random.default_rng([self.seed, 1])
        for start in range(0, count, BATCH):
            yield self._drawn(BATCH, rng, self.noise, 0.0)[: count - start]

    def questions(self, count: int) -> Floats:
        """Return question vectors, float32 `(count, dim)`."""
        return self._drawn(count, np.random.default_rng([self.seed, 2]), 2 * self.noise, self.gap)

    def _drawn(self, count: int, rng: np.random.Generator, noise: float, gap: float) -> Floats:
        place, spread, centres, moved = self._world()
        topic = (self.topics * rng.random(count) ** 3).astype(np.int64)  # the first ones are large
        own = rng.standard_normal((count, self.directions), dtype=np.float32)
        latent = np.sqrt(self.topic_share) * centres[topic] + np.sqrt(1 - self.topic_share) * own
        found = (latent * spread) @ place
        found += noise / np.sqrt(self.dim) * rng.standard_normal(found.shape, dtype=np.float32)
        return _unit(found + gap * moved)

    def _world(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the rotation `(directions, dim)`, their deviations, the topics' centres, and the move of questions."""
        rng = np.random.default_rng([self.seed, 0])
        place, _ = np.linalg.qr(rng.standard_normal((self.dim, self.directions)))
        spread = np.arange(1, self.directions + 1) ** (-self.power / 2)
        spread /= np.linalg.norm(spread)
        centres = rng.standard_normal((self.topics, self.directions))
        moved = _unit(rng.standard_normal((1, self.dim)))
        return tuple(each.astype(np.float32) for each in (place.T, spread, centres, moved))  # type: ignore[return-value]


def participation(rows: Floats) -> float:
    """Return (Σλ)² / Σλ² of the covariance's eigenvalues: over how many directions the variance is spread."""
    found = np.linalg.eigvalsh(np.cov(rows, rowvar=False))
    return float(found.sum() ** 2 / (found**2).sum())


def intrinsic_dimension(rows: Floats, k: int = NEIGHBOURS) -> float:
    """Return the maximum-likelihood estimate of the dimension by the distances to `k` neighbours.

    Levina and Bickel (2004), averaged as MacKay and Ghahramani do: the mean of the inverse.
    """
    squared = np.clip(2 - 2 * rows @ rows.T, 1e-12, None)
    np.fill_diagonal(squared, np.inf)
    near = np.sort(np.partition(squared, k, axis=1)[:, :k], axis=1)
    logs = 0.5 * np.log(near[:, -1:] / near[:, :-1])
    return float(1 / (logs.sum(axis=1) / (k - 2)).mean())


def _unit(rows: Floats) -> Floats:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
