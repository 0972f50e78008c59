"""From evidence to a probability, by logistic regression (Platt 1999), and how far it is from the truth.

Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Labels = NDArray[np.bool_]

STEPS = 50
RIDGE = 1e-3
"""Keeps the slope finite where labels part completely."""
BINS = 10
FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Curve:
    """P(relevant) = 1 / (1 + exp(−(slope · evidence + intercept)))."""

    slope: float
    intercept: float

    def of(self, evidence: Floats) -> Floats:
        """Return the probability of each."""
        return _logistic(self.slope * evidence + self.intercept)


def _logistic(logits: Floats) -> Floats:
    probability: Floats = 1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30)))
    return probability


def curve_fit(evidence: Floats, relevant: Labels) -> Curve:
    """Return the curve of greatest likelihood, by Newton's method; it never falls as evidence grows.

    Labels are taken for a little less sure than they say, as Platt does, so that few of them give no certainty.
    """
    yes, no = int(relevant.sum()), int((~relevant).sum())
    wanted = np.where(relevant, (yes + 1) / (yes + 2), 1 / (no + 2))
    x = np.stack([evidence, np.ones_like(evidence)], axis=1).astype(np.float64)
    weights = np.zeros(2)
    for _ in range(STEPS):
        p = _logistic(x @ weights)
        gradient = x.T @ (wanted - p) - RIDGE * weights
        curvature = (x * (p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights += np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    if weights[0] < 0:
        return Curve(slope=0.0, intercept=float(np.log((yes + 1) / (no + 1))))
    return Curve(slope=float(weights[0]), intercept=float(weights[1]))


def calibration_error(probability: Floats, relevant: Labels) -> float:
    """Return the expected calibration error: over ten bins of as many hits each, the mean gap between the probability
    that was given and the share that is relevant (Naeini et al. 2015, with bins of equal mass).
    """
    order = np.argsort(probability, kind="stable")
    gaps = [
        len(places) * abs(float(probability[places].mean()) - float(relevant[places].mean()))
        for places in np.array_split(order, BINS)
        if len(places)
    ]
    return sum(gaps) / len(order)


def held_out_error(evidence: Floats, relevant: Labels, queries: NDArray[np.int64]) -> float:
    """Return the calibration error of probabilities that come from other queries' labels: five folds of queries."""
    probability = np.zeros(len(evidence))
    fold = np.unique(queries, return_inverse=True)[1] % FOLDS
    for number in np.unique(fold):
        own = fold == number
        probability[own] = curve_fit(evidence[~own], relevant[~own]).of(evidence[own])
    return calibration_error(probability, relevant)
