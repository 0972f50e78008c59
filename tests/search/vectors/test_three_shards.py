"""Vectors over three real servers: what is found, while they move, while models are switched, and when one stops."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack, contextmanager
from io import StringIO
from typing import NamedTuple

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction

from models_admin.models import Alias
from models_admin.services import version_activate
from retrieval_site.errors import AppError
from search.models import Query
from search.retrieval import dense, reopen, search
from search.retrieval.dense import plan_by_index
from search.retrieval.types import DocumentPart, EmbeddingPart, SearchRequest
from search.vectors import tables
from search.vectors.background import backgrounds_forget
from search.vectors.copy import vectors_write
from search.vectors.index import index_build, table_state
from search.vectors.sharded.layout import away_forget, away_names, parts_named, parts_of
from search.vectors.sharded.searching import PART_MISSING
from search.vectors.sharded.servers import shards
from search.vectors.sharded.setting_up import set_up
from search.vectors.tables import VectorTable, table_drop
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store
from tests.support.shards import empty_servers, servers_forgotten, silent, use, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clean_redis")]
ROWS, DIM = 2_400, 32
LATE_SECONDS = 10.0
"""Far above the second that it takes, and far below the half minute that postgres_fdw waits for a server."""

log = logging.getLogger(__name__)


class Site(NamedTuple):
    """An active version whose vectors lie on three servers, what they are of, and the vectors themselves."""

    version: object
    passages: list
    vectors: np.ndarray

    @property
    def table(self) -> VectorTable:
        return VectorTable(self.version.pk, "passage")


@pytest.fixture(scope="module")
def servers(services_folder, django_db_setup):
    with empty_servers(services_folder, "three", 3) as found:
        yield found


@pytest.fixture
def site(servers, monkeypatch):
    use(monkeypatch, servers)
    set_up()
    version = make_version("three", dim=DIM)
    passages, vectors = make_documents(make_collection("public"), ROWS), clustered(ROWS, DIM, seed=1)
    store(version, passages, vectors)
    index_build(version, "passage")
    monkeypatch.setattr(dense, "make_plan", lambda *_: plan_by_index("hnsw", 48))
    backgrounds_forget()
    away_forget()
    yield Site(version, passages, vectors)
    for server in servers:
        if server.process is None:
            server.start()
    use(monkeypatch, servers)
    away_forget()
    table_drop(version)
    servers_forgotten()


def question(seed=2) -> np.ndarray:
    return clustered(1, DIM, seed=seed)[0]


def asked(seed=2, limit=10):
    """Search the active version by a vector."""
    part, active = EmbeddingPart(tuple(map(float, question(seed)))), Alias.objects.get(name="champion")
    return search(
        SearchRequest(viewer=None, session="s", parts=(part,), model=active.version.key, limit=limit)
    )


def documents(answer) -> list[int]:
    return [hit.document.pk for hit in answer.hits]


def nearest(passages, vectors, asked_with, count=10) -> set[int]:
    """The documents of the ten nearest, by comparing with every vector."""
    best = np.argsort(-(vectors @ asked_with), kind="stable")[:count]
    return {passages[row].document_id for row in best}


class Searching:
    """A thread that searches again and again; what it found, and what went wrong."""

    def __init__(self, ask) -> None:
        self.ask, self.answers, self.errors = ask, [], []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._search_on)

    def _search_on(self) -> None:
        try:
            while not self.over.is_set():
                self.answers.append(self.ask())
        except Exception as error:  # noqa: BLE001  (the test says which)
            self.errors.append(error)
        finally:
            connections.close_all()

    def __enter__(self):
        self.thread.start()
        self.wait()
        return self

    def __exit__(self, *exc) -> None:
        self.over.set()
        self.thread.join()

    def wait(self) -> None:
        """Wait for five answers more."""
        known = len(self.answers)
        wait_for(lambda: self.errors or len(self.answers) >= known + 5)


def test_three_servers_find_at_least_what_one_finds(site, monkeypatch) -> None:
    narrowest = plan_by_index("hnsw", 10, 10)
    monkeypatch.setattr(dense, "make_plan", lambda *_: narrowest)
    assert len(parts_of(site.table)) == 3
    found = [share(site, seed) for seed in range(20)]
    with monkeypatch.context() as patch:
        use(patch, [])
        alone = make_version("alone", dim=DIM)
        store(alone, site.passages, site.vectors)
        index_build(alone, "passage")
        assert table_state(VectorTable(alone.pk, "passage")) == (ROWS, "hnsw")
        assert parts_named(f"embedding_{alone.pk}_passage") == ()
        found_alone = [share(site, seed) for seed in range(20)]
        table_drop(alone)
    assert np.mean(found) >= np.mean(found_alone) > 0.8


def share(site, seed) -> float:
    """Which share of the ten nearest a search by the active version's index finds."""
    return len(set(documents(asked(seed))) & nearest(site.passages, site.vectors, question(seed))) / 10


def test_searches_go_on_while_vectors_move_between_servers(site, servers, monkeypatch) -> None:
    wanted = nearest(site.passages, site.vectors, question())
    with Searching(asked) as searching:
        for chosen in (servers[1:], servers):
            use(monkeypatch, chosen)
            call_command("shards", "set-up", stdout=StringIO())
            call_command("shards", "rebalance", stdout=StringIO())
            assert [part.server for part in parts_named(site.table.name)] == [one.name for one in shards()]
            searching.wait()
    assert searching.errors == []
    assert not any(answer.warnings for answer in searching.answers)
    assert all(len(set(documents(answer)) & wanted) >= 9 for answer in searching.answers)


def test_each_answer_is_of_one_version_while_models_are_switched(site, monkeypatch) -> None:
    monkeypatch.setattr("models_admin.services._warm", lambda version: None)
    other = make_version("three-2", dim=DIM, champion=False)
    turned = np.roll(site.vectors, ROWS // 2, axis=0)  # other documents have these vectors
    vectors_write(other, "passage", [passage.pk for passage in site.passages], turned)
    index_build(other, "passage")
    wanted = {
        site.version.key: nearest(site.passages, site.vectors, site.vectors[0], count=30),
        other.key: nearest(site.passages, turned, turned[0], count=30),
    }
    assert set.intersection(*wanted.values()) == {site.passages[0].document_id}
    like = (DocumentPart(site.passages[0].document_id),)
    with Searching(lambda: search(SearchRequest(viewer=None, session="s", parts=like))) as searching:
        for version in (other, site.version) * 3:
            version_activate(version=version, force=True)
            searching.wait()
    assert searching.errors == []
    assert {answer.model for answer in searching.answers} == wanted.keys()
    for answer in searching.answers:
        assert not answer.warnings
        assert set(documents(answer)) <= wanted[answer.model]
    table_drop(other)


@contextmanager
def held_by_another(statement):
    """Another transaction reads, and keeps what it has locked until it is told to end."""
    began, over = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            began.set()
            over.wait(LATE_SECONDS)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert began.wait(LATE_SECONDS)
    try:
        yield over
    finally:
        over.set()
        thread.join()


def test_dropping_waits_for_a_search_of_parts_and_for_no_writer_of_units(site, monkeypatch) -> None:
    other = make_version("three-2", dim=DIM, champion=False)
    near = parts_named(VectorTable(other.pk, "passage").name)[0].near
    reads = (
        f"SELECT count(*) FROM {near} WHERE unit_id = 0"  # as a search does, by the views on servers alone
    )
    with held_by_another("LOCK TABLE search_passage IN ROW EXCLUSIVE MODE"), held_by_another(reads) as read:
        with monkeypatch.context() as patch, pytest.raises(AppError) as refused:
            patch.setattr(tables, "DROP_LOCK_TIMEOUT_SECONDS", 0.3)
            table_drop(other)
        assert refused.value.id == "vectors.in_use"
        threading.Timer(0.5, read.set).start()
        with transaction.atomic(), connection.cursor() as cursor:
            table_drop(other)
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("0",)
    assert not VectorTable(other.pk, "passage").exists()


@pytest.fixture
def at_moment(monkeypatch):
    """Do something once: before a search, or right before a step of its transaction."""

    def plan(moment, work) -> None:
        ask, near, once = dense.vector_ask, dense._Search._near, iter([work])

        def at(here) -> None:
            if moment == here and (to_do := next(once, None)):
                to_do()

        def vector_ask(*args):
            at("the vector")
            given = ask(*args)
            at("the statement")
            return given

        def _near(*args):
            rows = near(*args)
            at("the end")
            return rows

        monkeypatch.setattr(dense, "vector_ask", vector_ask)
        monkeypatch.setattr(dense._Search, "_near", _near)
        at("before")

    return plan


@pytest.mark.parametrize("moment", ["before", "the vector", "the statement", "the end"])
@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_server_that_fails_at_any_moment_of_a_search_is_left_out_soon(
    site, servers, at_moment, how, moment
) -> None:
    assert not asked().warnings
    with ExitStack() as until:
        fails = {"stopped": lambda: until.enter_context(servers[1].stopped()), "killed": servers[1].end}[how]
        at_moment(moment, fails)
        assert_degraded(soon(asked))
        assert away_names() == {shards()[1].name}
        assert_degraded(soon(asked))
    if how == "killed":
        servers[1].start()
    wait_for(lambda: not away_names())
    assert not asked().warnings


def soon(work):
    """What the work gives, without half a minute's wait."""
    began = time.monotonic()
    given = work()
    took = time.monotonic() - began
    log.info("answered after %.2f s", took)
    assert took < LATE_SECONDS
    return given


def assert_degraded(answer, missing=1) -> None:
    said = [(one["id"], one["detail"]) for one in answer.warnings]
    assert said == [(PART_MISSING, {"missing": missing, "parts": 3})]
    assert len(answer.hits) == 10


def test_two_servers_that_say_nothing_are_left_out_soon(site, servers) -> None:
    for server in servers[1:]:
        server.end()
    with silent(servers[1]), silent(servers[2]):
        assert_degraded(soon(asked), missing=2)


def test_all_searches_that_one_server_holds_up_are_answered_soon(site, servers) -> None:
    with Searching(asked) as one, Searching(asked) as other, servers[1].stopped():
        soon(one.wait)
        soon(other.wait)
        latest = [searching.answers[-1] for searching in (one, other)]  # afterwards the server is back
    assert one.errors == other.errors == []
    for searching, answer in zip((one, other), latest, strict=True):
        assert not searching.answers[0].warnings
        assert_degraded(answer)


def test_a_search_that_takes_long_over_servers_that_answer_is_not_cut_off(site, monkeypatch) -> None:
    ask, slept = dense.vector_ask, []

    def slow(*args):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(1.5)")
        slept.append(True)
        return ask(*args)

    monkeypatch.setattr(dense, "vector_ask", slow)
    answer = asked()
    assert (len(slept), answer.warnings) == (1, ())
    assert len(set(documents(answer)) & nearest(site.passages, site.vectors, question())) >= 9
    assert not away_names()


def test_a_server_that_stops_while_a_kept_answer_is_read_on_is_said(site, servers, at_moment) -> None:
    query = Query.objects.get(pk=asked(limit=20).query_id)
    query.answer, query.plan["more"] = query.answer[:20], True
    query.save()
    with ExitStack() as until, pytest.raises(AppError) as refused:
        at_moment("the statement", lambda: until.enter_context(servers[1].stopped()))
        soon(lambda: reopen(query.pk, None, 50, session="s"))
    assert (refused.value.id, refused.value.status) == (PART_MISSING, 503)
    assert refused.value.detail == {"missing": 1, "parts": 3, "retry_after_seconds": 5}
    wait_for(lambda: not away_names())
    assert len(reopen(query.pk, None, 50, session="s").hits) == 50
