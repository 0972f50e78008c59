"""The harder generated vectors, and what is right of them."""

from __future__ import annotations

import numpy as np
import pytest

from bench.hard_vectors import HardSet, intrinsic_dimension, participation
from bench.scale import HEAD, TOP, Built, Row, _best

SMALL = HardSet(dim=64, directions=16, topics=20)


def test_a_larger_set_begins_with_the_smaller_one():
    smaller, larger = (np.concatenate(list(SMALL.stored(count))) for count in (500, 900))
    assert (smaller == larger[:500]).all()
    assert np.linalg.norm(larger, axis=1) == pytest.approx(np.ones(900), abs=1e-5)
    other = next(HardSet(dim=64, directions=16, topics=20, seed=2).stored(10))
    assert not np.allclose(other, smaller[:10])


def test_questions_lie_apart_from_what_is_stored():
    stored, asked = next(SMALL.stored(500)), SMALL.questions(100)
    assert (asked @ asked.T).mean() > (stored @ stored.T).mean() + 0.1


def test_the_dimension_of_a_plane_in_space_is_two():
    rng = np.random.default_rng(3)
    flat = np.zeros((2000, 30), dtype=np.float32)
    flat[:, :3] = rng.standard_normal((2000, 3))
    on_sphere = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    assert intrinsic_dimension(on_sphere) == pytest.approx(2, abs=0.15)


def test_the_variance_of_equal_directions_is_spread_over_all_of_them():
    rows = np.random.default_rng(4).standard_normal((20_000, 12)).astype(np.float32)
    assert participation(rows) == pytest.approx(12, abs=0.1)


def test_the_best_scores_are_those_of_sorting_all():
    stored, asked = next(SMALL.stored(700)), SMALL.questions(5)
    found = np.full((5, 1), -np.inf, dtype=np.float32)
    for start in range(0, 700, 100):
        found = _best(asked, stored[start : start + 100], found)
    halves = [rows.astype(np.float16).astype(np.float32) for rows in (asked, stored)]
    wanted = np.sort(halves[0] @ halves[1].T, axis=1)[:, -TOP:]
    assert found == pytest.approx(wanted, abs=1e-5)


def test_a_line_has_every_figure_of_the_head():
    row = Row(100_000, "hnsw", 96, 0.9876, 0.9, 2.34, 8.76, Built(41.2, 390.6, 12_345.6, 781.4, 1500.0))
    cells = [cell.strip() for cell in row.line().split("|")[1:-1]]
    assert len(cells) == HEAD.count("|") - 1
    assert cells[3:7] == ["0.988", "90%", "2.3 ms", "8.8 ms"]
    assert cells[7:] == ["12,346 /s", "41 s", "391 MiB", "781 MiB", "1,500 MiB"]


def test_the_file_has_every_figure_and_nothing_that_was_not_measured():
    row = Row(10, "faiss", 48, 1.0, 1.0, 0.1, 0.2, Built(1.0, 2.0))
    figures = row.as_json()
    assert (figures["recall"], figures["p99_ms"], figures["build_seconds"], figures["size_mib"]) == (
        1,
        0.2,
        1,
        2,
    )
    assert (figures["stored_per_second"], figures["table_mib"], figures["postgres_mib"]) == (None, None, None)
    assert "built" not in figures
    assert row.line().endswith("| 1 s | 2 MiB |  |  |")
