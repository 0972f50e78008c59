"""Vectors over three real servers: set up, filled, searched, one away, one added, and deleted with their units."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.test.utils import CaptureQueriesContext
from pgvector import HalfVector
from psycopg.errors import QueryCanceled

from models_admin.models import Alias
from retrieval_site.errors import AppError
from search.curating.write import _move_vectors
from search.models import Document, Query
from search.readiness import check_index
from search.retrieval import search, statements
from search.retrieval.dense import plan_by_index, planned
from search.retrieval.types import DocumentPart, EmbeddingPart, SearchRequest
from search.vectors.background import background, backgrounds_forget
from search.vectors.copy import vectors_write
from search.vectors.coverage import Coverage, coverage, missing_outside, units_missing
from search.vectors.index import index_build, index_settled, index_state, table_state
from search.vectors.read import unit_vectors
from search.vectors.sharded import layout, rebalance, searching
from search.vectors.sharded.layout import away_forget, away_names, away_note, parts_held, parts_of
from search.vectors.sharded.searching import (
    PART_MISSING,
    part_warnings,
    reached,
    require_whole,
    vector_ask,
)
from search.vectors.sharded.servers import connected, shard_named, shards
from search.vectors.sharded.setting_up import server_statements, set_up, width_table
from search.vectors.sharded.writing import part_copy
from search.vectors.tables import VectorTable, table_create, table_drop
from tests.support.corpus import clustered, make_documents, make_version
from tests.support.searched import RARE, encoded, exact_scores, run, scope_of, searched
from tests.support.shards import empty_servers, servers_forgotten, silent, use, wait_for

ROWS, DIM = 3_000, 32


@pytest.fixture(scope="module")
def module_patch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def servers(services_folder, django_db_setup):
    """Three empty servers, each with a database."""
    with empty_servers(services_folder, "shard", 3) as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def _database(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def corpus(servers, module_patch, _database):
    """The searched corpus over two of the servers."""
    use(module_patch, servers[:2])
    set_up()
    with searched("sharded", rows=ROWS, dim=DIM) as found:
        Alias.objects.update_or_create(name="champion", defaults={"version": found.version})
        yield found
        Query.objects.all().delete()
        Alias.objects.all().delete()
        for server in servers:
            if server.process is None:
                server.start()
        away_forget()
    servers_forgotten()


@pytest.fixture
def table(corpus):
    backgrounds_forget()
    return VectorTable(corpus.version.pk, "passage")


def asked(corpus, **more):
    vector = tuple(map(float, clustered(1, DIM, seed=2)[0]))
    options = {"collections": (corpus.public.slug,), "model": corpus.version.key, "limit": 10}
    options |= {"parts": (EmbeddingPart(vector),), **more}
    return search(SearchRequest(viewer=None, session="s", **options))


def counts(table) -> list[int]:
    found = []
    for part in parts_of(table):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {part.name}")
            found.append(cursor.fetchone()[0])
    return found


def test_shards_that_nobody_set_up_are_refused(servers, monkeypatch) -> None:
    use(monkeypatch, servers[:1])
    with pytest.raises(AppError) as refused, transaction.atomic():
        make_version("early", dim=DIM, champion=False)
    assert refused.value.id == "shards.not_set_up"


def test_rows_are_spread_and_what_is_asked_of_the_table_is_known(corpus, table) -> None:
    version = corpus.version
    assert sum(counts(table)) == ROWS + 300
    assert min(counts(table)) > ROWS / 3
    assert index_state(version, "passage").kind == "hnsw"
    assert index_state(version, "passage").size_bytes > 0
    assert index_settled(version, "passage")
    assert table_state(table) == (ROWS + 300, "hnsw")
    assert coverage(version)["passage"].missing == 0
    assert units_missing(version, "passage") == []
    assert not missing_outside(version, "passage", [corpus.public.pk])
    assert 100 < len(background(table)) <= 1024


def test_ten_of_two_servers_are_found_at_least_as_well_as_on_one(corpus, table, monkeypatch) -> None:
    version, public, private = corpus
    scope = scope_of(version, [public, private])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT unit_id, embedding::text FROM {table.name}")
        stored = cursor.fetchall()
    rows = np.array(
        [[float(one) for one in text.strip("[]").split(",")] for _, text in stored], dtype=np.float32
    )
    with monkeypatch.context() as patch:
        patch.setattr(settings, "CONFIG", replace(settings.CONFIG, vector_shards=[]))
        alone = make_version("alone", dim=DIM, champion=False)
        vectors_write(alone, "passage", [unit for unit, _ in stored], rows)
        index_build(alone, "passage")
        single = scope_of(alone, [public, private])
        found_alone = [share(alone, single, seed) for seed in range(12)]
        assert parts_of(VectorTable(alone.pk, "passage")) == ()
    found = [share(version, scope, seed) for seed in range(12)]
    assert np.mean(found) >= np.mean(found_alone) > 0.8
    best = run(version, scope, 10).units
    assert sorted(best, key=lambda unit: -unit.score)[0].unit_id in exact_scores(version, scope, 2)
    table_drop(alone)
    alone.delete()


def share(version, scope, seed) -> float:
    """Which share of the ten nearest the index finds at its narrowest."""
    plan = plan_by_index("hnsw", 10, 10)
    vector = encoded(version, seed).parts[0].vectors[0]
    with planned(plan, scope.table), connection.cursor() as cursor:
        statement = statements.by_index(scope, DIM, plan, asked_there=vector_ask(scope.table, vector))
        cursor.execute(str(statement), statements.parameters(scope, vector))
        found = {row[0] for row in cursor.fetchall()[:10]}
    return len(found & set(exact_scores(version, scope, seed))) / 10


@pytest.mark.parametrize("asked_there", [True, False])
def test_each_shard_answers_from_its_own_index_and_the_collection_is_asked_there(corpus, asked_there) -> None:
    version, public, _ = corpus
    scope = scope_of(version, [public])
    plan = plan_by_index("hnsw", 48)
    vector = encoded(version).parts[0].vectors[0]
    with planned(plan, scope.table), connection.cursor() as cursor:
        parts = vector_ask(scope.table, vector)
        assert parts == parts_of(scope.table)
        statement = statements.by_index(scope, DIM, plan, asked_there=parts if asked_there else ())
        cursor.execute(f"EXPLAIN (VERBOSE) {statement}", statements.parameters(scope, vector, count=48))
        explained = "\n".join(row[0] for row in cursor.fetchall())
    assert "Merge Append" in explained
    remote = re.findall(r"Remote SQL: (.*)", explained)
    assert len(remote) == 2
    for shard, statement in zip(shards(), remote, strict=True):
        assert "collection_id = ANY" in statement
        assert statement.endswith("LIMIT 48::bigint")
        assert ("embedding" in statement.split(" FROM ")[0]) != asked_there
        with connected(shard) as there, there.transaction():
            there.execute("SET LOCAL cursor_tuple_fraction = 0.00001")
            there.execute("INSERT INTO sightline_search_asked VALUES (%s)", [HalfVector(vector).to_text()])
            plan_there = "\n".join(row[0] for row in there.execute(f"EXPLAIN {statement}"))
        assert re.search(r"Index Scan using embedding_\d+_passage_g1_\d_hnsw", plan_there)


_FORMER_VIEW = """
    DROP VIEW {near};
    CREATE VIEW {near} AS
        SELECT unit_id, document_id, collection_id, embedding,
               embedding <#> (SELECT current_setting('sightline.vector')::halfvec({dim})) AS distance,
               binary_quantize(embedding)::bit({dim})
               <~> (SELECT binary_quantize(current_setting('sightline.vector')::halfvec({dim}))::bit({dim})) AS apart
        FROM {part}
"""


@pytest.mark.parametrize("index", ["ternary", "binary"])
def test_short_codes_are_compared_on_the_shards_by_parts_of_a_former_release_too(
    corpus, table, index
) -> None:
    version, public, _ = corpus
    for part in parts_of(table):
        with connected(shard_named(part.server)) as there:
            there.execute(_FORMER_VIEW.format(near=part.near, part=part.name, dim=DIM))
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER FOREIGN TABLE {part.near} DROP COLUMN IF EXISTS steps_apart")
    version.vector_index = index
    try:
        index_build(version, "passage")
        assert index_state(version, "passage").size_bytes > 0
        scope, plan = scope_of(version, [public]), plan_by_index(index, 10)
        vector = encoded(version).parts[0].vectors[0]
        with planned(plan, scope.table), connection.cursor() as cursor:
            statement = statements.by_index(scope, DIM, plan, asked_there=vector_ask(scope.table, vector))
            cursor.execute(f"EXPLAIN (VERBOSE) {statement}", statements.parameters(scope, vector))
            remote = re.findall(r"Remote SQL: (.*)", "\n".join(row[0] for row in cursor.fetchall()))
            cursor.execute(str(statement), statements.parameters(scope, vector))
            rows = cursor.fetchall()
        nearest = {row[0] for row in sorted(rows, key=lambda row: row[2])[:10]}
        assert len(nearest & set(exact_scores(version, scope, 2))) >= 9
        with connected(shards()[0]) as there, there.transaction():
            there.execute("SET LOCAL cursor_tuple_fraction = 0.00001")
            there.execute("INSERT INTO sightline_search_asked VALUES (%s)", [HalfVector(vector).to_text()])
            plan_there = "\n".join(row[0] for row in there.execute(f"EXPLAIN {remote[0]}"))
        assert f"_{index}" in plan_there
    finally:
        version.vector_index = "hnsw"
        index_build(version, "passage")


def test_the_width_of_a_search_reaches_the_shards_and_ends_with_it(corpus, table) -> None:
    server = parts_of(table)[0].server
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FOREIGN TABLE shard_settings (name text, setting text)"
            f" SERVER {server} OPTIONS (schema_name 'pg_catalog', table_name 'pg_settings')"
        )
        said = "SELECT name, setting FROM shard_settings WHERE name LIKE 'hnsw.%'"
        with planned(plan_by_index("hnsw", 48, 77), table):
            cursor.execute(said)
            inside = dict(cursor.fetchall())
        cursor.execute(said)
        outside = dict(cursor.fetchall())
        cursor.execute("DROP FOREIGN TABLE shard_settings")
    assert inside["hnsw.ef_search"] == "77"
    assert inside["hnsw.iterative_scan"] == outside["hnsw.iterative_scan"] == "relaxed_order"
    assert outside["hnsw.ef_search"] != "77"


@pytest.mark.parametrize("filters", [{"tags": ["rare"]}, {"metadata": {"site": "north"}}])
@pytest.mark.parametrize("kind", ["hnsw", "exact"])
def test_filters_leave_whole_answers(corpus, filters, kind, monkeypatch) -> None:
    version, public, _ = corpus
    scope = scope_of(version, [public], **filters)
    if kind == "exact":
        found = run(version, scope, 10)
    else:
        plan = plan_by_index("hnsw", 48)
        monkeypatch.setattr("search.retrieval.dense.make_plan", lambda *_: plan)
        found = run(version, scope, 10)
    wanted = exact_scores(version, scope, 2)
    best = sorted(found.units, key=lambda unit: -unit.score)[:10]
    assert len({unit.unit_id for unit in best} & set(wanted)) >= 9
    rare = set(Document.objects.filter(tags__contains=["rare"]).values_list("pk", flat=True))
    assert {unit.document_id for unit in found.units} <= rare
    assert len(rare) == RARE


def test_what_is_deleted_and_moved_is_so_on_the_shards(corpus, table) -> None:
    version, public, private = corpus
    passages = make_documents(public, 40)
    scope = scope_of(version, [private])
    vectors_write(version, "passage", [each.pk for each in passages], clustered(40, DIM, seed=9))
    assert vectors_write(version, "passage", [passages[0].pk], clustered(1, DIM, seed=9)) == 0
    assert sum(counts(table)) == ROWS + 340
    _move_vectors(private.pk, [passages[1].document_id])
    assert passages[1].pk in exact_scores(version, scope, 9, count=400)
    assert passages[2].pk not in exact_scores(version, scope, 9, count=400)
    Document.objects.filter(pk=passages[0].document_id).delete()
    assert vectors_write(version, "passage", [passages[0].pk], clustered(1, DIM, seed=9)) == 0
    assert unit_vectors(version, "passage", [passages[0].pk]) == {}
    Document.objects.filter(pk__in=[each.document_id for each in passages]).delete()
    assert sum(counts(table)) == ROWS + 300


def test_a_limit_of_time_that_a_transaction_has_counts_again_once_shards_were_reached(corpus, table) -> None:
    for reaching in (planned(plan_by_index("hnsw", 48), table), reached(table)):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 1234")
            with reaching:
                cursor.execute("SHOW statement_timeout")
                assert cursor.fetchone() == ("1234ms",)


def test_a_shard_that_was_away_during_a_search_is_said_although_it_is_back(table, monkeypatch) -> None:
    name, began = parts_of(table)[1].server, time.monotonic()
    monkeypatch.setattr(layout, "reaches", lambda *_: True)
    monkeypatch.setattr(layout, "ASK_AGAIN_SECONDS", 0.01)
    away_note(frozenset({name}), DEFAULT_DB_ALIAS)
    wait_for(lambda: not away_names())
    assert [one["id"] for one in part_warnings(table, began)] == [PART_MISSING]
    with pytest.raises(AppError, match="1 of 2"):
        require_whole(table, began)
    assert not part_warnings(table, time.monotonic())


def asked_for_parts(captured, table) -> int:
    return sum(
        "part.relname, server.srvname" in query["sql"] and table.name in query["sql"] for query in captured
    )


@pytest.mark.parametrize("by", ["vector", "document", "filters", "collapsed"])
def test_a_search_asks_once_for_the_parts_of_its_table(corpus, table, by) -> None:
    more = {
        "vector": {},
        "document": {"parts": (DocumentPart(in_part(parts_of(table)[0], corpus.public)),)},
        "filters": {"filters": {"tags": ["rare"]}},
        "collapsed": {"collapse": True},
    }[by]
    with CaptureQueriesContext(connection) as captured:
        assert asked(corpus, **more).hits
    assert asked_for_parts(captured, table) == 1
    with CaptureQueriesContext(connection) as captured:
        assert asked(corpus, **more).hits
    assert asked_for_parts(captured, table) == 1, "what one search knows is not the next one's"


def test_a_search_that_knows_parts_of_a_table_that_was_moved_is_done_again(
    corpus, table, monkeypatch
) -> None:
    before = [hit.document.pk for hit in asked(corpus).hits]
    real, gone = layout.parts_named, []

    def moved_meanwhile(name):
        parts = real(name)
        if not gone:
            gone.append(name)
            return tuple(replace(part, name=part.name.replace("_g1_", "_g0_")) for part in parts)
        return parts

    monkeypatch.setattr(layout, "parts_named", moved_meanwhile)
    backgrounds_forget()
    assert [hit.document.pk for hit in asked(corpus).hits] == before
    assert gone == [table.name]


def test_a_server_that_comes_back_between_the_vector_and_the_statement_is_not_asked_without_it(
    corpus, table, monkeypatch
):
    gone, *_ = parts_of(table)

    def one_is_away(parts):
        return tuple(part for part in layout.live(parts) if part != gone)

    whole = asked(corpus)
    with monkeypatch.context() as patch:
        patch.setattr(searching, "live", one_is_away)
        answer = asked(corpus)
    assert answer.hits
    assert {hit.document.pk for hit in answer.hits} != {hit.document.pk for hit in whole.hits}


def test_what_is_asked_anew_counts_for_the_whole_search(corpus, table, monkeypatch) -> None:
    real = layout.parts_named
    with parts_held():
        monkeypatch.setattr(layout, "parts_named", lambda name: real(name)[:1])
        assert len(parts_of(table)) == 1
        monkeypatch.setattr(layout, "parts_named", real)
        with parts_held():
            assert len(parts_of(table)) == 1
        with parts_held(anew=True):
            assert len(parts_of(table)) == 2
        assert len(parts_of(table)) == 2


def in_part(part, collection) -> int:
    """A document of a collection that has its vector in a part."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT max(document_id) FROM {part.name} WHERE collection_id = %s", [collection.pk])
        return cursor.fetchone()[0]


def test_a_shard_that_is_away_is_said_and_comes_back_by_itself(corpus, table, servers) -> None:
    whole = asked(corpus)
    assert not whole.warnings
    lost = in_part(parts_of(table)[1], corpus.private)
    like, elsewhere = (DocumentPart(in_part(part, corpus.public)) for part in parts_of(table))
    servers[1].end()
    assert [one["id"] for one in asked(corpus, parts=(like,)).warnings] == [PART_MISSING]
    away_forget()
    assert "answers" in check_index()
    assert away_names() == {shards()[1].name}
    away_forget()
    for _ in range(2):  # found out, and known already
        with pytest.raises(AppError) as refused:
            asked(corpus, parts=(elsewhere,))
        assert refused.value.id == "shards.document_away"
        assert refused.value.detail == {"missing": 1, "parts": 2, "retry_after_seconds": 5}
    away_forget()
    degraded = asked(corpus)
    assert [warning["id"] for warning in degraded.warnings] == [PART_MISSING]
    assert degraded.warnings[0]["detail"] == {"missing": 1, "parts": 2}
    assert len(degraded.hits) == 10
    assert asked(corpus, filters={"tags": ["rare"]}).warnings
    assert away_names() == {shards()[1].name}

    gone = make_documents(corpus.public, 1)[0]
    here = next(hit for hit in degraded.hits).document.pk
    assert here != gone.document_id
    Document.objects.filter(pk__in=[gone.document_id, lost]).delete()  # deleting waits for nobody

    with silent(servers[1]):
        for more in ({}, {"parts": (like,)}):
            away_forget()
            backgrounds_forget()
            assert asked(corpus, **more).warnings == degraded.warnings
    servers[1].start()
    wait_for(lambda: not away_names())
    again = asked(corpus)
    assert not again.warnings
    assert asked(corpus, parts=(elsewhere,)).hits
    assert [hit.document.pk for hit in again.hits] == [hit.document.pk for hit in whole.hits]
    assert sum(counts(table)) == ROWS + 300
    assert coverage(corpus.version)["passage"] == Coverage(
        ROWS + 299, ROWS + 299
    )  # what stayed there goes now
    assert sum(counts(table)) == ROWS + 299
    part_copy(parts_of(table)[0], np.array([[10**9, 1, 1]]), clustered(1, DIM, seed=9))
    out = StringIO()
    call_command("shards", "sweep", stdout=out)
    assert sum(counts(table)) == ROWS + 299
    assert out.getvalue().startswith("1 vectors")


def test_what_a_table_left_on_a_shard_is_not_in_the_next_one_of_its_name(corpus) -> None:
    other = make_version("left", dim=DIM, champion=False)
    parts = parts_of(VectorTable(other.pk, "passage"))
    part_copy(parts[0], np.array([[10**9, 1, 1]]), clustered(1, DIM, seed=9))
    with connection.cursor() as cursor:  # as where no shard can be reached
        cursor.execute(f"DROP TABLE embedding_{other.pk}_passage")
        for part in parts:
            cursor.execute(f"DROP FOREIGN TABLE {part.near}")
    table_create(other)
    assert parts_of(VectorTable(other.pk, "passage")) == parts
    assert counts(VectorTable(other.pk, "passage")) == [0, 0]
    table_drop(other)
    other.delete()


def test_a_switch_of_the_model_over_shards_is_one_pointer(corpus) -> None:
    other = make_version("sharded-2", dim=DIM, champion=False)
    newest = make_documents(corpus.public, 3)
    vectors_write(other, "passage", [each.pk for each in newest], clustered(3, DIM, seed=3))
    wanted = {each.document_id for each in newest}
    for version, expected in ((corpus.version, ROWS), (other, 3), (corpus.version, ROWS)):
        Alias.objects.update_or_create(name="champion", defaults={"version": version})
        found = asked(corpus, model=version.key)  # whoever is not signed in may ask with the active one alone
        assert found.model == version.key
        assert ({hit.document.pk for hit in found.hits} == wanted) == (expected == 3)
        assert not found.warnings
    Query.objects.all().delete()
    table_drop(other)
    other.delete()
    Document.objects.filter(pk__in=wanted).delete()


def test_a_server_is_added_and_vectors_move_there_while_it_is_searched(
    corpus, table, servers, module_patch
) -> None:
    before = [hit.document.pk for hit in asked(corpus).hits]
    use(module_patch, servers)
    call_command("shards", "set-up", stdout=StringIO())
    call_command("shards", "rebalance", stdout=StringIO())
    assert len(counts(table)) == 3
    assert sum(counts(table)) == ROWS + 299
    assert min(counts(table)) > ROWS / 5
    assert [hit.document.pk for hit in asked(corpus).hits] == before
    assert index_settled(corpus.version, "passage")
    out = StringIO()
    call_command("shards", "status", stdout=out)
    assert out.getvalue().count("answers") == 3
    assert f"{ROWS + 299:,} vectors" in out.getvalue()
    assert "0 of units that are gone" in out.getvalue()
    assert "hush" not in out.getvalue()
    call_command("shards", "rebalance", stdout=(again := StringIO()))
    assert "where it should" in again.getvalue()


def test_a_switch_that_others_hold_up_is_put_off(corpus, table, monkeypatch) -> None:
    monkeypatch.setattr(rebalance, "LOCK_TIMEOUT_MS", 20)
    other = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE search_document IN ROW EXCLUSIVE MODE")
    assert not rebalance._is_switched(table, f"{table.name}_next", None)
    other.close()
    assert asked(corpus).hits


def test_back_on_one_server_it_is_a_plain_table_again(corpus, table, servers, monkeypatch) -> None:
    before = [hit.document.pk for hit in asked(corpus).hits]
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, vector_shards=[]))
    call_command("shards", "rebalance", stdout=StringIO())
    assert [hit.document.pk for hit in asked(corpus).hits] == before
    assert table_state(table) == (ROWS + 299, "hnsw")
    with connection.cursor() as cursor:
        cursor.execute("SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", [table.name])
        assert cursor.fetchone() == ("r",)


def test_a_shard_that_ends_while_it_is_written_to_is_told_as_away(corpus) -> None:
    shard = shards()[0]
    with pytest.raises(AppError, match=r"shards\.away"), connected(shard) as there:
        there.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(QueryCanceled), connected(shard) as there:
        there.execute("SET statement_timeout = 1; SELECT pg_sleep(1)")


def test_no_password_is_shown(corpus, servers, monkeypatch) -> None:
    assert "hush" not in repr(shards())
    assert "hush" not in shards()[0].place
    made = [statement.as_string() for statement in server_statements(shards()[0], None)]
    assert [("hush" in statement) for statement in made] == [False, False, True, False, False]
    assert width_table(shards()[0].name) in made[3]
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, vector_shards=["host=x hush=hush"]))
    with pytest.raises(AppError) as refused:
        shards()
    assert "hush" not in str(refused.value)
