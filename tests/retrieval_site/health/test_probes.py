from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError
from django.test import RequestFactory

from retrieval_site.health import broker, checks
from retrieval_site.health.checks import CheckFailedError, register
from retrieval_site.health.middleware import readyz_in_detail
from workers.encoding import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis
    from django.test import Client


def readiness() -> tuple[int, dict[str, Any]]:
    """What the probes' own port answers."""
    answer = readyz_in_detail(RequestFactory().get("/readyz"))
    return answer.status_code, json.loads(answer.content)["checks"]


@pytest.fixture
def own_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_checks", dict(checks._checks))
    for name in set(checks._checks) - {"database", "broker", "query_worker"}:
        del checks._checks[name]


@pytest.fixture
def broker_away(settings: Any) -> Iterator[None]:
    settings.CONFIG = replace(settings.CONFIG, redis_url="unix:///nowhere/redis.sock")
    clients = (broker.broker, wire.client)
    for client in clients:
        client.cache_clear()
    yield
    for client in clients:
        client.cache_clear()


def test_healthz_answers_without_a_database(client: Client) -> None:
    assert client.get("/healthz").json() == {
        "ok": True
    }  # no django_db mark: touching the database would raise


@pytest.mark.django_db
@pytest.mark.usefixtures("own_checks")
def test_readyz_is_503_until_a_query_worker_beats(client: Client, clean_redis: redis.Redis) -> None:
    status, checks = readiness()
    assert status == 503
    assert checks["database"] == {"ok": True, "detail": "answers"}
    assert checks["query_worker"]["ok"] is False
    clean_redis.set(f"{wire.HEARTBEAT_PREFIX}a@host", wire.Beat((), calls=0, at=0).packed(), ex=3)
    status, checks = readiness()
    assert status == 200
    assert checks["query_worker"]["detail"] == "1 there, loaded: no model yet"
    assert client.get("/readyz").json()["checks"]["query_worker"] == {"ok": True}  # strangers ask there


@pytest.mark.django_db
@pytest.mark.usefixtures("own_checks", "broker_away")
def test_readyz_names_the_broker_that_is_away(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert {name for name, check in answer.json()["checks"].items() if not check["ok"]} == {
        "broker",
        "query_worker",
    }


@pytest.mark.usefixtures("own_checks", "clean_redis")
def test_readyz_names_the_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(checks.connection, "cursor", refuse)
    assert readiness()[1]["database"] == {
        "ok": False,
        "detail": "PostgreSQL does not answer: connection refused",
    }


@pytest.mark.django_db
@pytest.mark.usefixtures("own_checks", "clean_redis")
def test_another_package_adds_a_check() -> None:
    def fails() -> str:
        raise CheckFailedError("The index of demo@1 does not answer.")

    register("index", fails)
    found = readiness()[1]["index"]
    assert found == {"ok": False, "detail": "The index of demo@1 does not answer."}


def test_probes_are_answered_by_address_and_without_https(client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["sightline.example"]
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz", headers={"host": "10.1.2.3"}).status_code == 200


@pytest.mark.django_db
def test_metrics_count_requests_by_route_and_status(client: Client, clean_redis: redis.Redis) -> None:
    clean_redis.rpush("bulk", "one", "two")
    clean_redis.rpush(wire.ASKED_KEY, "one")
    for address in ("/no/such/page-1", "/no/such/page-2"):
        client.get(address)
    text = client.get("/metrics").content.decode()
    line = next(
        line
        for line in text.splitlines()
        if line.startswith('sightline_requests_total{endpoint="(none)",method="GET"')
    )
    assert 'status="404"' in line
    assert float(line.split()[-1]) >= 2
    assert "page-1" not in text
    assert 'sightline_queue_messages{queue="bulk"} 2.0' in text
    assert 'sightline_queue_messages{queue="query"} 1.0' in text
    assert "sightline_query_workers 0.0" in text


@pytest.mark.django_db
@pytest.mark.usefixtures("broker_away")
def test_metrics_leave_out_what_the_broker_cannot_say(client: Client) -> None:
    text = client.get("/metrics").content.decode()
    assert "sightline_queue_messages" not in text
    assert "process_resident_memory_bytes" in text


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_what_costs_work_is_for_the_own_network_where_strangers_reach_the_server(
    client: Client, settings: Any, path: str
) -> None:
    settings.CONFIG = replace(settings.CONFIG, https=True)
    assert client.get(path).status_code == 404
    assert client.get("/healthz").status_code == 200
