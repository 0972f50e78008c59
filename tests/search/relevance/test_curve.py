"""From evidence to probability: what is given is what is so."""

from __future__ import annotations

import numpy as np
import pytest

from search.relevance.curve import calibration_error, curve_fit, held_out_error


def labels(count: int, slope: float, intercept: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Evidence, and labels that are relevant with the probability of a known curve."""
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 2, count)
    return evidence, rng.random(count) < 1 / (1 + np.exp(-(slope * evidence + intercept)))


def test_the_curve_that_made_the_labels_is_found_again() -> None:
    curve = curve_fit(*labels(40_000, 1.5, -1.0, 0))
    assert curve.slope == pytest.approx(1.5, abs=0.05)
    assert curve.intercept == pytest.approx(-1.0, abs=0.05)


@pytest.mark.parametrize("low", [0.0, 0.2, 0.4, 0.6, 0.8])
def test_of_hits_with_a_probability_that_share_is_relevant(low: float) -> None:
    curve = curve_fit(*labels(4_000, 1.2, -0.5, 1))
    evidence, relevant = labels(40_000, 1.2, -0.5, 2)
    probability = curve.of(evidence)
    among = (probability >= low) & (probability < low + 0.2)
    assert relevant[among].mean() == pytest.approx(probability[among].mean(), abs=0.03)


def test_the_error_of_right_probabilities_is_small_and_of_wrong_ones_their_distance() -> None:
    evidence, relevant = labels(20_000, 1.0, 0.0, 3)
    right = 1 / (1 + np.exp(-evidence))
    assert calibration_error(right, relevant) < 0.02
    assert calibration_error(np.full(100, 0.9), np.arange(100) % 5 < 2) == pytest.approx(0.5)


def test_the_held_out_error_is_that_of_probabilities_that_other_queries_gave() -> None:
    evidence, relevant = labels(5_000, 1.0, 0.0, 4)
    assert held_out_error(evidence, relevant, np.arange(5_000) // 10) < 0.04


def test_labels_that_part_completely_still_give_a_finite_curve() -> None:
    evidence = np.linspace(-3, 3, 200)
    curve = curve_fit(evidence, evidence > 0)
    assert 0 < curve.of(np.array([-3.0]))[0] < 0.05
    assert 0.95 < curve.of(np.array([3.0]))[0] < 1


def test_evidence_against_the_labels_gives_their_share_and_no_falling_curve() -> None:
    evidence = np.linspace(-3, 3, 100)
    curve = curve_fit(evidence, evidence < -1.5)
    assert curve.of(evidence) == pytest.approx(np.full(100, 26 / 102), abs=0.01)
