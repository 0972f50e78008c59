"""A calibration tells queries about the collections from others, at the share that it promises."""

from __future__ import annotations

import numpy as np
import pytest

from search.relevance.evidence import closeness, familiarity, space_of
from search.relevance.fitted import LINE_SHARE, Labels, fit
from tests.support.corpus import unit_rows

DIM, FILLED = 64, 8
"""Vectors of what the collections are about fill few of the dimensions."""


def of_the_collections(count: int, seed: int) -> np.ndarray:
    """Vectors near a space of a few directions."""
    rng = np.random.default_rng(seed)
    inside = np.zeros((count, DIM))
    inside[:, :FILLED] = rng.normal(size=(count, FILLED))
    return unit_rows(inside + rng.normal(0, 0.05, (count, DIM)))


def labelled(queries: np.ndarray, units: np.ndarray) -> Labels:
    """The first hit of each query is relevant, the tenth is not."""
    ranked = -np.sort(-(queries @ units.T), axis=1)
    return Labels(
        queries,
        np.arange(len(queries)).repeat(2),
        ranked[:, [0, 9]].reshape(-1).astype(np.float64),
        np.tile([True, False], len(queries)),
        ranked[:, 0].astype(np.float64),
        units,
        ranked[:, 0].astype(np.float64),
    )


def firsts(queries: np.ndarray, units: np.ndarray) -> np.ndarray:
    return (queries @ units.T).max(axis=1).astype(np.float64)


def test_of_queries_about_the_collections_no_more_than_promised_are_below_the_line() -> None:
    units = of_the_collections(2_000, 0)
    fitted, space = fit(labelled(of_the_collections(400, 1), units), "cosine", "pairs")
    others = of_the_collections(2_000, 2)
    below = fitted.evidence(firsts(others, units), others, space) < fitted.line
    assert below.mean() <= LINE_SHARE + 0.01


def test_queries_that_are_about_something_else_are_below_the_line() -> None:
    units = of_the_collections(2_000, 0)
    fitted, space = fit(labelled(of_the_collections(400, 1), units), "cosine", "pairs")
    strange = unit_rows(np.random.default_rng(3).normal(size=(500, DIM)))
    assert (fitted.evidence(firsts(strange, units), strange, space) < fitted.line).mean() == 1.0


def test_too_few_queries_give_a_line_that_nothing_is_below() -> None:
    units = of_the_collections(500, 0)
    fitted, space = fit(labelled(of_the_collections(20, 1), units), "cosine", "pairs")
    strange = unit_rows(np.random.default_rng(3).normal(size=(50, DIM)))
    assert (fitted.evidence(firsts(strange, units), strange, space) > fitted.line).all()


def test_familiarity_is_the_log_of_how_much_more_lies_inside_of_the_space_than_outside() -> None:
    space = space_of(of_the_collections(400, 0), of_the_collections(0, 1))
    query = of_the_collections(1, 5)
    deviation = query[0] - space.mean
    inside = sum((deviation @ row) * row for row in space.basis)
    odds = (inside**2).sum() / ((deviation - inside) ** 2).sum()
    assert familiarity(query, space)[0] == pytest.approx(np.log(odds), rel=1e-3)


def test_a_query_that_deviates_half_as_much_in_the_same_direction_is_as_familiar() -> None:
    space = space_of(of_the_collections(400, 0), of_the_collections(0, 1))
    queries = of_the_collections(20, 5)
    nearer = (space.mean + (queries - space.mean) / 2).astype(np.float32)
    assert familiarity(nearer, space) == pytest.approx(familiarity(queries, space), abs=1e-2)


def test_what_is_stored_tells_more_of_the_directions_than_few_queries_do() -> None:
    queries, units = of_the_collections(4, 0), of_the_collections(2_000, 1)
    others = of_the_collections(200, 2)
    alone, together = space_of(queries, units[:0]), space_of(queries, units)
    assert familiarity(others, together).mean() > familiarity(others, alone).mean() + 1


def test_units_that_lie_apart_from_queries_give_their_directions_and_not_their_place() -> None:
    queries = of_the_collections(400, 0)
    units = of_the_collections(400, 1) + 3 * np.eye(DIM, dtype=np.float32)[-1]
    space = space_of(queries, units.astype(np.float32))
    assert space.mean == pytest.approx(queries.mean(axis=0))
    assert abs(space.basis[:FILLED, -1]).max() < 0.1


def test_closeness_grows_with_a_cosine_and_with_an_order_similarity() -> None:
    assert closeness(np.array([0.5, 0.9]), "cosine") == pytest.approx(-np.log([0.5, 0.1]))
    assert closeness(np.array([-0.5, -0.1]), "order") == pytest.approx(-np.log([0.5, 0.1]))
