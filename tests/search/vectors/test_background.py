"""The kept sample of a vector table."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from search.vectors import background as module
from search.vectors.background import background, backgrounds_forget
from search.vectors.tables import VectorTable, table_drop
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store

pytestmark = pytest.mark.django_db
DIM = 16


@pytest.fixture(autouse=True)
def _nothing_kept():
    backgrounds_forget()


@pytest.fixture
def version():
    return make_version(dim=DIM)


def _filled(version, count, seed=1):
    vectors = clustered(count, DIM, seed=seed)
    store(version, make_documents(make_collection(f"c{seed}"), count), vectors)
    return VectorTable(version.pk, "passage"), vectors


def test_a_small_table_is_its_own_background(version):
    table, vectors = _filled(version, 40)
    sample = background(table)
    assert (sample.shape, sample.dtype) == ((40, DIM), np.float32)
    np.testing.assert_allclose(np.sort(sample.sum(axis=1)), np.sort(vectors.sum(axis=1)), atol=1e-2)


def test_of_a_large_table_a_part_is_taken_from_all_over_it_and_the_same_each_time(version, monkeypatch):
    monkeypatch.setattr(module, "SAMPLE_ROWS_MAX", 64)
    table, vectors = _filled(version, 3000)
    sample = background(table)
    backgrounds_forget()
    assert np.array_equal(sample, background(table))
    assert len(sample) == 64
    places = [int(np.abs(vectors - row).max(axis=1).argmin()) for row in sample]
    assert max(places) - min(places) > 1500


def test_its_memory_is_bounded_whatever_the_dimension(version, monkeypatch):
    monkeypatch.setattr(module, "SAMPLE_BYTES", 4 * DIM * 10)
    table, _ = _filled(version, 40)
    assert background(table).nbytes == module.SAMPLE_BYTES


def test_it_is_read_once_and_again_when_the_table_has_grown(version, monkeypatch):
    table, _ = _filled(version, 40)
    background(table)
    _filled(version, 200, seed=2)
    with CaptureQueriesContext(connection) as queries:
        assert len(background(table)) == 40
    assert len(queries) == 0
    monkeypatch.setattr(module, "RECHECK_SECONDS", 0.0)
    assert len(background(table)) == 240


def test_the_samples_of_few_tables_are_kept(monkeypatch):
    monkeypatch.setattr(module, "TABLES_KEPT", 2)
    for seed in range(3):
        background(_filled(make_version(f"v{seed}", dim=DIM), 10, seed=seed)[0])
    assert len(module._kept) == 2


def test_a_table_that_is_empty_or_gone_has_no_background(version):
    table = VectorTable(version.pk, "passage")
    assert background(table).shape == (0, DIM)
    table_drop(version)
    assert len(background(table)) == 0
