from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection

from retrieval_site.health.broker import broker
from retrieval_site.health.checks import CheckFailedError, run_checks
from search import readiness
from search.readiness import NO_MODEL, check_index, check_model
from search.vectors.index import index_build
from tests.support.corpus import (
    clustered,
    make_collection,
    make_documents,
    make_version,
    store,
    tiny_version,
)
from workers.encoding import wire
from workers.encoding.warming import versions_warm

if TYPE_CHECKING:
    from pathlib import Path

    import redis

pytestmark = pytest.mark.django_db


def beat(client: redis.Redis, *loaded: int) -> None:
    client.set(f"{wire.HEARTBEAT_PREFIX}a@host", wire.Beat(loaded, calls=0, at=0).packed(), ex=3)


def test_searching_adds_its_checks_to_readyz() -> None:
    assert {"model", "index"} <= set(run_checks())


def test_an_installation_without_a_model_is_ready() -> None:
    assert check_model() == check_index() == NO_MODEL


def test_the_active_model_must_be_in_a_workers_memory(clean_redis: redis.Redis) -> None:
    version = make_version()
    beat(clean_redis, version.pk + 1)
    with pytest.raises(CheckFailedError, match=f"No query worker has loaded {version.key}"):
        check_model()
    beat(clean_redis, version.pk)
    assert check_model() == f"{version.key} is loaded"


def test_the_active_models_vectors_must_answer() -> None:
    version = make_version()
    assert check_index() == f"{version.key} answers"  # there are no documents yet
    passages = make_documents(make_collection(), 5)
    store(version, passages, clustered(len(passages), version.dim))
    assert check_index() == f"{version.key} answers"
    version.vector_index = "binary"
    index_build(version, "passage")
    assert check_index() == f"{version.key} answers"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE embedding_{version.pk}_image")
    with pytest.raises(CheckFailedError, match=f"embedding_{version.pk}_image does not answer"):
        check_index()


def test_servers_that_are_away_make_the_answer_unknown(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version()
    settings.CONFIG = replace(settings.CONFIG, redis_url="unix:///nowhere/redis.sock")
    broker.cache_clear()
    with pytest.raises(CheckFailedError, match="Redis does not answer"):
        check_model()
    broker.cache_clear()

    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(readiness, "champion", refuse)
    with pytest.raises(CheckFailedError, match="PostgreSQL does not answer"):
        check_index()


@pytest.mark.django_db(transaction=True)
def test_readyz_names_the_models_that_real_workers_hold(tmp_path: Path, query_worker: object) -> None:
    version = tiny_version(tmp_path)
    versions_warm([version])
    found = run_checks()["query_worker"]
    assert found.ok
    assert re.fullmatch(rf"1 there, loaded: (.+, )?{version.key}(, .+)?", found.detail)
