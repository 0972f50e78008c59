from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection
from django.test import RequestFactory

from retrieval_site.health import broker, checks
from retrieval_site.health.checks import CheckFailedError, register
from retrieval_site.health.middleware import readyz_in_detail, startedz
from workers.encoding import wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def started() -> tuple[int, str]:
    answer = startedz(RequestFactory().get("/startedz"))
    return answer.status_code, json.loads(answer.content).get("detail", "")


@pytest.mark.django_db
@pytest.mark.usefixtures("broker_away")
def test_a_process_has_started_whatever_part_of_the_site_is_away() -> None:
    assert readiness()[0] == 503
    assert started() == (200, "")


@pytest.mark.django_db
def test_a_process_has_not_started_before_the_migrations_of_its_version() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'workers' AND name LIKE '0001%'")
    status, detail = started()
    assert status == 503
    assert "lacks 1 migrations of this version, such as workers.0001_" in detail
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE django_migrations")
    assert "no tables yet" in started()[1]


@pytest.mark.django_db
def test_migrations_of_a_newer_version_stop_no_former_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('search', '9999_newer', now())"
        )
    assert started()[0] == 200


@pytest.mark.django_db
def test_a_process_without_static_files_has_not_started(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    backend = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": backend}
    assert "Static files are not collected" in started()[1]
    (tmp_path / "staticfiles.json").write_text(json.dumps({"paths": {"a.css": "a.1.css"}, "version": "1.1"}))
    settings.STORAGES = settings.STORAGES | {"staticfiles": dict(backend)}
    assert started()[0] == 200


@pytest.mark.usefixtures("clean_redis")
def test_a_process_has_not_started_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(checks.connection, "cursor", refuse)
    assert started() == (503, "PostgreSQL does not answer: connection refused")


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
