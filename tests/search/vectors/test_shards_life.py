"""What becomes of a site whose servers of vectors are lost, out of reach, taken away, or were just added."""

from __future__ import annotations

import re
import subprocess
import time
from contextlib import contextmanager
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.urls import reverse

from models_admin.models import Alias, ModelVersion
from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.indexing.added import tables_complete
from search.job_types import ENCODE, FIND_NEW
from search.judged.asking import readable
from search.models import Collection, Query
from search.monitoring.gauges import health_gauges
from search.monitoring.storage import tables_health
from search.retrieval import reopen, search, search_by_marks
from search.retrieval.again import same_again
from search.retrieval.explain import explain
from search.retrieval.types import EmbeddingPart, SearchRequest
from search.services.alerts import alerts_set
from search.services.document_fields import DocumentFields
from search.services.documents import DocumentRecord, documents_save, encode_soon
from search.services.saved_searches import saved_search_create
from search.vectors.background import backgrounds_forget
from search.vectors.coverage import coverage
from search.vectors.index import index_build, index_state
from search.vectors.sharded import statistics
from search.vectors.sharded.layout import away_forget, away_names, parts_named
from search.vectors.sharded.searching import PART_MISSING, despite_shards
from search.vectors.sharded.servers import connected, shards
from search.vectors.sharded.setting_up import set_up
from search.vectors.tables import VectorTable, table_create, table_drop, tables_of
from tests.support.corpus import clustered
from tests.support.queries import make_query
from tests.support.shards import empty_servers, servers_forgotten, use, wait_for
from tests.support.tiny_bundle import COLOURS, make_tiny_bundle, tiny_manifest
from workers.backup.create import backup_create
from workers.backup.manifest import DUMP
from workers.backup.places import FolderPlace
from workers.backup.programs import program
from workers.backup.sealing import Sealing
from workers.encoding.pool import POOL
from workers.jobs.runner import run_job_inline
from workers.models import Job, JobState
from workers.storage.blobs import blob_store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clean_redis")]
ROWS = 60


@pytest.fixture(scope="module")
def servers(services_folder):
    with empty_servers(services_folder, "life", 2) as found:
        yield found


@pytest.fixture
def version(servers, monkeypatch, tmp_path):
    """An active version whose vectors lie on two servers."""
    use(monkeypatch, servers)
    set_up()
    bundle = make_tiny_bundle(tmp_path / "tiny.zip")
    stored, manifest = blob_store(bundle.read_bytes(), "application/zip"), tiny_manifest()
    row = ModelVersion.objects.create(
        name="tiny", number=1, state="ready", bundle=stored, manifest=manifest, dim=manifest["dim"]
    )
    table_create(row)
    Alias.objects.create(name="champion", version=row)
    save(Collection.objects.create(slug="notes", name="Notes", visibility="public"))
    POOL.close()
    assert run_job_inline(encode_soon()).state == JobState.SUCCEEDED
    backgrounds_forget()
    away_forget()
    yield row
    POOL.close()
    for server in servers:
        if server.process is None:
            server.start()
    use(monkeypatch, servers)
    away_forget()
    table_drop(row)
    servers_forgotten()


@pytest.fixture
def table(version) -> VectorTable:
    return VectorTable(version.pk, "passage")


def save(collection, count=ROWS, start=0) -> None:
    colours = list(COLOURS)
    documents_save(
        collection=collection,
        records=[
            DocumentRecord(f"d{n}", DocumentFields(body=f"A {colours[n % 12]} pump number {n}."))
            for n in range(start, start + count)
        ],
    )


def shards_command(*words: str) -> str:
    out = StringIO()
    call_command("shards", *words, stdout=out)
    return out.getvalue()


def crash(server) -> None:
    """The server ends without a farewell; what was committed is on its disk (test servers do not wait for that)."""
    with psycopg.connect(host=server.socket, user="postgres", dbname="sightline", autocommit=True) as there:
        there.execute("CHECKPOINT")
    server.end()


def burn_down(server) -> None:
    """The server's data is gone, and an empty database is in its place."""
    with psycopg.connect(host=server.socket, user="postgres", dbname="postgres", autocommit=True) as there:
        there.execute("DROP DATABASE sightline WITH (FORCE)")
    server.embedded.ensure_database()


def stored(version) -> int:
    return coverage(version)["passage"].stored


def asked(version, **more):
    part = EmbeddingPart(tuple(map(float, clustered(1, version.dim, seed=2)[0])))
    return search(SearchRequest(viewer=None, session="s", parts=(part,), model=version.key, **more))


def warned(answer) -> list[str]:
    return [warning["id"] for warning in answer.warnings]


def on_server(table, place: int) -> list[int]:
    """The documents whose vectors lie in one part."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT document_id FROM {parts_named(table.name)[place].name} ORDER BY 1")
        return [pk for (pk,) in cursor.fetchall()]


def mappings() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_user_mappings WHERE srvname LIKE 'sightline%'")
        return cursor.fetchone()[0]


def gauges() -> dict[str, dict]:
    return {gauge.name: dict(gauge.values) for gauge in health_gauges()}


def test_back_on_one_server_the_database_keeps_no_password_and_a_backup_has_the_vectors(
    version, table, monkeypatch, tmp_path
) -> None:
    use(monkeypatch, [])
    said = shards_command("rebalance")
    assert "2 servers that hold nothing any more are forgotten" in said
    assert mappings() == 0
    made = backup_create(place=FolderPlace(tmp_path), sealing=Sealing()).manifest
    assert made.elsewhere == []
    assert made.tables[table.name].rows == ROWS


def test_a_backup_says_that_vectors_elsewhere_are_not_in_it_and_holds_no_password(
    version, table, tmp_path
) -> None:
    made = backup_create(place=FolderPlace(tmp_path), sealing=Sealing()).manifest
    assert made.elsewhere == sorted(one.name for one in tables_of(version))
    assert made.tables["search_passage"].rows >= ROWS
    assert not {one.name for one in tables_of(version)} & set(made.tables)
    dump = tmp_path / made.name_of(DUMP)
    [listed, script] = [
        subprocess.run(
            [program("pg_restore"), *words, dump], check=True, capture_output=True, text=True
        ).stdout
        for words in (["--list"], ["--file=-", "--schema-only"])
    ]
    assert "TABLE public search_passage" in listed
    assert "EXTENSION - vector" in listed
    for word in ("SERVER", "USER MAPPING", "FOREIGN", "postgres_fdw", f"embedding_{version.pk}_"):
        assert word not in listed
    assert "hush" not in script
    assert mappings() == 2


def test_a_drill_restores_a_site_without_its_servers_and_says_what_it_did_not_compare(
    version, tmp_path, monkeypatch
) -> None:
    place, out, told = str(tmp_path / "place"), StringIO(), StringIO()
    call_command("backup", "create", place, stdout=StringIO(), stderr=told)
    assert "The vectors of 2 tables lie on other servers and are not in it" in told.getvalue()
    monkeypatch.setenv("VECTOR_SHARDS", "postgresql://postgres:hush@nowhere/sightline")  # it must reach none
    call_command("backup", "drill", place, "--folder", str(tmp_path), stdout=out)
    assert (
        "the vectors of 2 tables on other servers are not in it, and no answers were compared"
        in out.getvalue()
    )
    assert "questions" not in out.getvalue()


def as_restored(version) -> None:
    """What a restore leaves of tables on other servers, and of the servers: nothing."""
    servers_forgotten()
    with connection.cursor() as cursor:
        for table in tables_of(version):
            cursor.execute(f"DROP TABLE {table.name}")
            assert not table.exists()


def test_a_restored_site_makes_its_vectors_anew_on_servers_that_are_named_again(version, table) -> None:
    as_restored(version)
    tables_complete()  # migrating goes through, though no servers are set up
    assert not table.exists()
    said = shards_command("rebuild")
    assert f"{table.name}: made, empty." in said
    assert "A job computes the vectors that are missing." in said
    assert stored(version) == 0
    assert run_job_inline(encode_soon()).state == JobState.SUCCEEDED
    assert len(parts_named(table.name)) == 2
    assert stored(version) == ROWS
    answer = asked(version)
    assert answer.hits
    assert not warned(answer)


def test_a_restored_site_makes_its_vectors_anew_in_its_own_database_where_no_server_is_named(
    version, table, monkeypatch
) -> None:
    as_restored(version)
    use(monkeypatch, [])
    tables_complete()
    assert parts_named(table.name) == ()
    assert "A job computes the vectors that are missing." in shards_command("rebuild")
    assert Job.objects.filter(type=ENCODE.name, state=JobState.QUEUED).count() == 1
    assert run_job_inline(encode_soon()).state == JobState.SUCCEEDED
    assert stored(version) == ROWS
    assert asked(version).hits


def test_a_server_that_was_taken_away_is_forgotten_and_one_that_holds_vectors_is_not(
    version, servers, monkeypatch
) -> None:
    use(monkeypatch, servers[:1])
    set_up()
    assert mappings() == 2
    assert "1 servers that hold nothing" in shards_command("rebalance")
    assert mappings() == 1
    assert stored(version) == ROWS
    assert not warned(asked(version))


def test_back_on_one_server_its_indexes_have_the_names_that_prewarming_asks_for(
    version, table, monkeypatch
) -> None:
    use(monkeypatch, [])
    shards_command("rebalance")
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename = %s", [table.name])
        names = {name for (name,) in cursor.fetchall()}
    assert names == {f"{table.name}_{one}" for one in ("pkey", "document", "collection", "hnsw")}


@pytest.mark.parametrize("left", [0, 1])
def test_encoding_waits_while_vectors_lie_on_servers_that_the_setting_does_not_name(
    version, servers, monkeypatch, left
) -> None:
    use(monkeypatch, servers[:left])
    save(Collection.objects.get(), 5, ROWS)
    job = run_job_inline(encode_soon())
    assert (job.state, job.error_id, job.attempts) == (JobState.QUEUED, "", 0)
    shards_command("rebalance")
    assert run_job_inline(job).state == JobState.SUCCEEDED
    assert stored(version) == ROWS + 5


def test_encoding_waits_for_a_server_that_is_away_however_long(version, servers) -> None:
    save(Collection.objects.get(), 5, ROWS)
    crash(servers[1])
    job = encode_soon()
    for _ in range(8):
        job = run_job_inline(job)
        assert (job.state, job.error_id) == (JobState.QUEUED, "")
    servers[1].start()
    assert run_job_inline(job).state == JobState.SUCCEEDED
    assert stored(version) == ROWS + 5


def test_reading_on_behind_what_was_kept_says_that_a_part_is_missing(version, servers) -> None:
    query = Query.objects.get(pk=asked(version, limit=20).query_id)
    query.answer, query.plan["more"] = query.answer[:20], True
    query.save()
    crash(servers[1])
    with pytest.raises(AppError) as refused:
        reopen(query.pk, None, 50, session="s")
    assert (refused.value.id, refused.value.status) == (PART_MISSING, 503)
    assert refused.value.headers == {"Retry-After": "5"}
    servers[1].start()
    wait_for(lambda: not away_names())
    assert len(reopen(query.pk, None, 50, session="s").hits) == 50


def test_saved_searches_are_asked_again_once_the_server_is_back(version, servers) -> None:
    ann = User.objects.create_user("ann", email="ann@example.org")
    vector = clustered(1, version.dim, seed=2).astype("<f4").tobytes()
    query = make_query(modality="embedding", user=ann, version=version, embedding=vector)
    row, _ = saved_search_create(query_id=query.pk, viewer=ann, name="Mine")
    alerts_set(saved=row, alerts="page")
    save(Collection.objects.get(), 30, ROWS)
    assert run_job_inline(encode_soon()).state == JobState.SUCCEEDED
    crash(servers[1])
    job = run_job_inline(Job.objects.get(type=FIND_NEW.name, state=JobState.QUEUED))
    assert (job.state, row.findings.count()) == (JobState.QUEUED, 0)
    servers[1].start()
    wait_for(lambda: not away_names())
    assert run_job_inline(job).state == JobState.SUCCEEDED
    assert row.findings.count() > 0


def test_marks_of_documents_on_a_server_that_is_away_move_nothing_in_silence(version, table, servers) -> None:
    found = asked(version, limit=50)
    query = Query.objects.get(pk=found.query_id)
    here, there = on_server(table, 0)[0], on_server(table, 1)[0]
    gone = on_server(table, 1)
    crash(servers[1])
    for grades in ({there: 2}, {here: 2, there: 2}):
        with pytest.raises(AppError) as refused:
            search_by_marks(query, same_again(query, None, "s", 10), grades)
        assert refused.value.id == "shards.document_away"
        assert refused.value.headers == {"Retry-After": "5"}
    answer = search_by_marks(query, same_again(query, None, "s", 10), {here: 2})
    assert warned(answer) == [PART_MISSING]
    lost = next(hit for hit in found.hits if hit.document.pk in gone)
    with pytest.raises(AppError, match=r"shards\.document_away"):
        explain(query, lost)


def test_a_server_that_only_the_database_does_not_reach_is_left_out(version, table) -> None:
    assert gauges()["vector_shards_answering"] == {(): 2.0}
    name = parts_named(table.name)[1].server
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SERVER {name} OPTIONS (SET host '/nowhere')")
    answer = asked(version)
    assert warned(answer) == [PART_MISSING]
    assert answer.hits
    assert away_names() == {name}
    assert gauges()["vector_shards_answering"] == {(): 1.0}
    with pytest.raises(CommandError, match=r"shards\.away"):
        shards_command("status")
    set_up()
    wait_for(lambda: not away_names())
    assert not warned(asked(version))


def test_what_this_process_alone_does_not_reach_is_there(version, monkeypatch) -> None:
    @contextmanager
    def nowhere(shard):
        raise AppError("shards.away", place=shard.place)
        yield

    monkeypatch.setattr("search.vectors.sharded.servers.connected", nowhere)
    assert gauges()["vector_shards_answering"] == {(): 2.0}
    assert not warned(asked(version))


def test_numbers_of_tables_are_those_of_their_servers(version, table) -> None:
    index_build(version, "passage")
    for part in parts_named(table.name):
        with connected(next(one for one in shards() if one.name == part.server)) as there:
            there.execute("SELECT pg_stat_force_next_flush()")
            there.execute(f"ANALYZE {part.name}")
    [health] = [one for one in tables_health() if one.kind == "passage"]
    assert (health.live, health.dead, health.index) == (ROWS, 0, "hnsw")
    assert health.table_bytes > 0
    assert health.index_bytes == index_state(version, "passage").size_bytes > 0
    assert health.indexes_bytes > health.index_bytes
    assert health.analysed_at is not None
    key = (version.key, "passage")
    assert gauges()["vector_rows_live"][key] == ROWS


def test_numbers_of_a_server_that_is_away_are_left_out_and_asked_for_once(
    version, monkeypatch, client
) -> None:
    for number in range(2, 5):
        table_create(ModelVersion.objects.create(
            name="tiny", number=number, state="ready", bundle=version.bundle, manifest=version.manifest, dim=version.dim
        ))  # fmt: skip
    versions = ModelVersion.objects.all()
    asked_for = []

    @contextmanager
    def slow(shard):
        asked_for.append(shard.name)
        time.sleep(2)
        raise AppError("shards.away", place=shard.place)
        yield

    monkeypatch.setattr(statistics, "connected", slow)
    began = time.monotonic()
    found = gauges()
    assert time.monotonic() - began < 3.5
    assert sorted(asked_for) == sorted(shard.name for shard in shards())
    assert found["vector_rows_live"] == found["vector_index_bytes"] == {}
    assert len(tables_health()) >= len(versions) > 3
    client.force_login(User.objects.create_superuser("root"))
    page = reverse("admin:search_recallmeasurement_changelist")
    assert "Not all of its servers answer." in client.get(page).content.decode()
    for one in versions.exclude(pk=version.pk):
        table_drop(one)


def test_a_search_after_the_database_ended_its_connection_fails_as_any_statement_does(version) -> None:
    connection.ensure_connection()
    connection.connection.close()
    with pytest.raises(OperationalError):
        despite_shards(lambda: None)
    connection.close()


def test_a_connection_to_a_server_notices_that_its_machine_is_off(version) -> None:
    with connected(shards()[0]) as there:
        known = there.info.get_parameters()
    assert int(known["tcp_user_timeout"]) == 20_000
    idle, interval, count = (int(known[f"keepalives_{one}"]) for one in ("idle", "interval", "count"))
    assert idle + interval * count <= 20


def test_what_a_server_lost_is_made_anew_and_encoded_again(version, table, servers) -> None:
    index_build(version, "passage")
    before = [hit.document.pk for hit in asked(version).hits]
    burn_down(servers[1])
    away_forget()
    assert warned(asked(version)) == [PART_MISSING]  # and no error
    with pytest.raises(CommandError, match=r"shards\.part_lost"):
        shards_command("rebalance")
    with pytest.raises(CommandError, match=r"shards\.part_lost"):
        shards_command("status")
    said = shards_command("rebuild")
    assert f"{table.name}: 1 of 2 parts made anew" in said
    wait_for(lambda: not away_names())
    assert 0 < stored(version) < ROWS
    assert run_job_inline(encode_soon()).state == JobState.SUCCEEDED
    assert stored(version) == ROWS
    assert [hit.document.pk for hit in asked(version).hits] == before
    assert "Nothing was lost." in shards_command("rebuild")
    assert re.search(r"60 vectors", shards_command("status"))


def test_a_lost_server_that_is_taken_out_of_the_setting_gives_its_parts_to_another(
    version, table, servers, monkeypatch
) -> None:
    index_build(version, "passage")
    before = [hit.document.pk for hit in asked(version).hits]
    crash(servers[1])
    with pytest.raises(CommandError, match=r"shards\.away"):
        shards_command("rebuild")  # its data may be there still
    use(monkeypatch, servers[:1])
    away_forget()
    assert warned(asked(version)) == [PART_MISSING]
    with pytest.raises(CommandError, match=r"shards\.away"):
        shards_command("rebalance")
    assert "1 of 2 parts made anew" in shards_command("rebuild")
    assert {part.server for part in parts_named(table.name)} == {shards()[0].name}
    assert run_job_inline(encode_soon()).state == JobState.SUCCEEDED
    assert stored(version) == ROWS
    assert mappings() == 1
    assert [hit.document.pk for hit in asked(version).hits] == before
    shards_command("rebalance")
    assert len(parts_named(table.name)) == 1
    assert stored(version) == ROWS


def test_setting_an_empty_server_up_says_what_is_missing_there(version, servers) -> None:
    assert "rebuild" not in shards_command("set-up")
    burn_down(servers[1])
    assert "Run “manage.py shards rebuild”" in shards_command("set-up")
    shards_command("rebuild")
    assert run_job_inline(encode_soon()).state == JobState.SUCCEEDED
    assert stored(version) == ROWS


def test_what_is_measured_is_not_passed_over_for_a_server_that_is_away(version) -> None:
    def away(_):
        raise AppError("shards.document_away", missing=1, parts=2, retry_after_seconds=5)

    with pytest.raises(AppError, match=r"shards\.document_away"):
        list(readable([1], away))
