"""Coverage of a version, and the index over its vectors."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from psycopg import sql

from retrieval_site.errors import AppError
from search.vectors import building, index
from search.vectors.coverage import Coverage, coverage, units_missing
from search.vectors.index import index_build, index_drop, index_prewarm, index_settled, index_state
from search.vectors.tables import table_drop
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store

pytestmark = pytest.mark.django_db


def test_units_without_a_vector_are_listed_in_pages_by_id():
    version, passages = make_version(), make_documents(make_collection(), 7)
    ids = [passage.pk for passage in passages]
    store(version, [passages[0], passages[4]], clustered(2, 16))
    missing = [ids[row] for row in (1, 2, 3, 5, 6)]
    assert units_missing(version, "passage", limit=3) == missing[:3]
    assert units_missing(version, "passage", after_id=missing[2], limit=3) == missing[3:]
    assert units_missing(version, "passage", after_id=missing[4]) == []


def test_coverage_counts_every_modality_and_a_missing_table_as_empty():
    version, passages = make_version(), make_documents(make_collection(), 3)
    store(version, passages[:2], clustered(2, 16))
    found = coverage(version)
    assert found == {"passage": Coverage(3, 2), "image": Coverage(0, 0)}
    assert (found["passage"].missing, found["passage"].complete, found["image"].complete) == (1, False, True)
    table_drop(version)
    assert coverage(version)["passage"] == Coverage(3, 0)


def test_an_index_is_built_once_and_dropped():
    version, passages = make_version(), make_documents(make_collection(), 50)
    store(version, passages, clustered(50, 16))
    assert index_state(version, "passage").kind is None
    index_build(version, "passage")
    index_build(version, "passage")
    assert index_state(version, "passage").kind == "hnsw"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = %s", [f"embedding_{version.pk}_passage_hnsw"]
        )
        definition = cursor.fetchone()[0]
    assert "halfvec_ip_ops" in definition
    assert "m='32', ef_construction='128'" in definition
    index_drop(version, "passage")
    index_drop(version, "passage")
    assert index_state(version, "passage").kind is None


@pytest.mark.django_db(transaction=True)
def test_a_build_tells_how_far_it_is(monkeypatch):
    monkeypatch.setattr(building, "ASK_SECONDS", 0.02)
    version, passages = make_version(dim=64), make_documents(make_collection(), 4000)
    store(version, passages, clustered(4000, 64))
    told = []
    index_build(version, "passage", parallel_workers=0, tell=lambda done, total: told.append((done, total)))
    assert len(told) > 1
    assert {total for _, total in told} == {4000}
    numbers = [done for done, _ in told]
    assert numbers == sorted(numbers)
    assert any(0 < number < 4000 for number in numbers)
    assert index_state(version, "passage").kind == "hnsw"


@pytest.mark.django_db(transaction=True)
def test_a_build_succeeds_where_nobody_can_be_told(monkeypatch):
    monkeypatch.setattr(building, "ASK_SECONDS", 0.01)
    version, passages = make_version(), make_documents(make_collection(), 500)
    store(version, passages, clustered(500, 16))

    def refuses(done, total):
        raise OperationalError("no room for another connection")

    index_build(version, "passage", parallel_workers=0, tell=refuses)
    assert index_state(version, "passage").kind == "hnsw"


def test_a_build_succeeds_where_a_server_cannot_be_asked_how_far_it_is(caplog):
    @contextmanager
    def away():
        raise AppError("shards.away", place="there:5432/vectors")
        yield

    with building.BuildProgress(lambda done, total: None).watched("a_part", away):
        pass
    assert "how far the index of a_part is cannot be told: shards.away" in caplog.text


def test_the_parts_of_a_table_are_told_of_together():
    told = []
    progress = building.BuildProgress(lambda done, total: told.append((done, total)))
    progress._say("one", 10, 100)
    progress._say("other", 50, 200)
    progress._say("one", 30, 100)
    assert told == [(10, 100), (60, 300), (80, 300)]


def test_the_index_that_was_chosen_stands_and_no_other():
    version, passages = make_version(dim=64), make_documents(make_collection(), 60)
    store(version, passages, clustered(60, 64))
    chosen_one_by_one = ("hnsw", "binary", "ternary", "exact", "binary")
    for chosen, standing in zip(
        chosen_one_by_one, ("hnsw", "binary", "ternary", None, "binary"), strict=True
    ):
        version.vector_index = chosen
        assert not index_settled(version, "passage")
        index_build(version, "passage")
        assert index_settled(version, "passage")
        state = index_state(version, "passage")
        assert state.kind == standing
        assert (state.size_bytes > 0) == (standing is not None)
        index_prewarm(version, "passage")


def test_a_build_of_another_kind_that_fails_leaves_the_index_that_stands(monkeypatch):
    version, passages = make_version(), make_documents(make_collection(), 20)
    store(version, passages, clustered(20, 16))
    index_build(version, "passage")
    version.vector_index = "binary"
    monkeypatch.setattr(
        index, "_BUILD", sql.SQL("SELECT {index}, {table}, {indexed}, {m}, {ef_construction}, 1/0")
    )
    with pytest.raises(DatabaseError), transaction.atomic():
        index_build(version, "passage")
    assert index_state(version, "passage").kind == "hnsw"


@pytest.mark.django_db(transaction=True)
def test_after_building_the_planner_knows_the_table():
    version, passages = make_version(), make_documents(make_collection(), 300)
    store(version, passages, clustered(300, 16))
    index_build(version, "passage")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples FROM pg_class WHERE relname = %s",
            [f"embedding_{version.pk}_passage"],
        )
        assert cursor.fetchone() == (300,)


def test_a_build_that_gets_no_shared_memory_goes_on_without_parallel_workers(monkeypatch):
    from django.db import OperationalError
    from psycopg.errors import DiskFull

    version = make_version()
    real, tried = index._build, []

    def build(table, kind, dim, workers):
        tried.append(workers)
        if workers != 0:
            raise OperationalError("could not resize shared memory segment") from DiskFull()
        real(table, kind, dim, workers)

    monkeypatch.setattr(index, "_build", build)
    index_build(version, "passage")
    assert tried == [None, 0]
    assert index_state(version, "passage").kind == "hnsw"


def test_memory_for_building_is_raised_to_what_the_graph_needs():
    version, passages = make_version(dim=4000), make_documents(make_collection(), 200)
    store(version, passages, clustered(200, 4000))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '1MB'")
        per_row = index.GRAPHS["hnsw"].bytes_per_row(4000)
        index._give_memory(cursor, index.VectorTable(version.pk, "passage"), per_row)
        cursor.execute("SHOW maintenance_work_mem")
        assert cursor.fetchone()[0] == "2MB"


def test_prewarming_reads_the_index_into_the_servers_memory():
    version, passages = make_version(), make_documents(make_collection(), 500)
    store(version, passages, clustered(500, 16))
    index_build(version, "passage")
    index_prewarm(version, "passage")
    index_prewarm(version, "image")
