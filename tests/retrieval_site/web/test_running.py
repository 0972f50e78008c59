"""The server's life: probes of their own, request ids and log lines, signals, its parent's death, its own folder."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from tests.support.web import WebServer, read_all, read_answer, web_server
from tests.support.workers import ROOT, wait_until, worker_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

SLOW = b"GET /test/slow/%d/ HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def own(django_db_setup: None, tmp_path: Path) -> Iterator[WebServer]:
    with web_server(tmp_path, WEB_THREADS="4") as server:
        yield server


def test_probes_answer_while_every_thread_is_busy(own: WebServer) -> None:
    busy = [own.connect() for _ in range(8)]
    for client in busy:
        client.sendall(SLOW % 4)
    time.sleep(0.5)
    for address in ("/healthz", "/startedz", "/readyz", "/metrics"):
        status, body = own.get(address, port=own.probe_port)
        assert status in {200, 503}
        assert body
    with own.connect() as stranger:
        stranger.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_all(stranger, silence=0.5) == b""  # where the others wait, this one waits too
    for client in busy:
        assert read_answer(client)[2] == b"slept"
        client.close()


def test_healthz_tells_a_stuck_server_from_a_busy_one(django_db_setup: None, tmp_path: Path) -> None:
    with web_server(tmp_path, WEB_THREADS="2", STUCK_SECONDS="3") as web:
        assert web.get("/healthz", port=web.probe_port)[0] == 200
        stuck = [web.connect() for _ in range(4)]
        for client in stuck:
            client.sendall(SLOW % 8)
        wait_until(lambda: web.get("/healthz", port=web.probe_port)[0] == 503, what="the liveness to fail")
        for client in stuck:
            read_answer(client)
            client.close()
        assert web.get("/healthz", port=web.probe_port)[0] == 200


@pytest.fixture
def silent_database() -> Iterator[str]:
    """The address of a server that neither answers nor refuses."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing"


def test_healthz_answers_while_a_database_neither_answers_nor_refuses(
    django_db_setup: None, silent_database: str, tmp_path: Path
) -> None:
    with web_server(tmp_path, DATABASE_URL=silent_database) as web, _asking(web, "/readyz", 4):
        time.sleep(4)
        assert web.get("/healthz", port=web.probe_port)[0] == 200
        status, body = web.get("/readyz", port=web.probe_port)
        assert status == 503
        assert json.loads(body)["checks"]["readiness"]["ok"] is False
        web.process.kill()


def test_scrapes_of_a_database_that_does_not_answer_keep_no_thread_from_healthz(
    django_db_setup: None, silent_database: str, tmp_path: Path
) -> None:
    with (
        web_server(tmp_path, DATABASE_URL=silent_database) as web,
        _asking(web, "/metrics", 6),
        _asking(web, "/readyz", 6),
    ):
        time.sleep(0.5)
        assert web.get("/healthz", port=web.probe_port, timeout=1)[0] == 200
        assert web.get("/metrics", port=web.probe_port)[0] == 503
        web.process.kill()


def test_numbers_are_back_at_the_scrape_after_a_restart_of_the_database(
    django_db_setup: None, tmp_path: Path
) -> None:
    database = worker_environment()["DATABASE_URL"]
    with web_server(tmp_path, DATABASE_URL=f"{database}&application_name=scraped") as web:
        assert all("sightline_jobs{" in _scraped(web) for _ in range(8))  # by every thread of the probes
        with psycopg.connect(database, autocommit=True) as other:
            ended = other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'scraped'"
            ).fetchall()
        assert ended
        for _ in range(8):
            told = _scraped(web)
            assert "sightline_database_answers 1.0" in told
            assert "sightline_jobs{" in told


def _scraped(web: WebServer) -> str:
    return web.get("/metrics", port=web.probe_port)[1].decode()


@pytest.fixture
def empty_database(django_db_setup: None) -> Iterator[str]:
    """The address of a database without tables beside that of the tests."""
    name = f"started_{os.getpid()}"
    server = urlsplit(worker_environment()["DATABASE_URL"])
    with psycopg.connect(server.geturl(), autocommit=True) as beside:
        beside.execute(f"CREATE DATABASE {name}")
        yield server._replace(path=f"/{name}").geturl()
        beside.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def test_a_server_begins_once_it_could_answer_pages_and_goes_on_without_the_database(
    empty_database: str, tmp_path: Path
) -> None:
    with web_server(tmp_path, DATABASE_URL=empty_database) as web:
        status, body = web.get("/startedz", port=web.probe_port)
        assert (status, b"no tables yet" in body) == (503, True)
        with psycopg.connect(empty_database, autocommit=True) as made:
            made.execute("CREATE TABLE django_migrations (app text, name text)")
            insert = "INSERT INTO django_migrations VALUES (%s, %s)"
            made.cursor().executemany(insert, MigrationRecorder(connection).applied_migrations())
        assert web.get("/startedz", port=web.probe_port)[0] == 200
        parts = urlsplit(empty_database)
        with psycopg.connect(worker_environment()["DATABASE_URL"], autocommit=True) as other:
            other.execute(f"DROP DATABASE {parts.path[1:]} WITH (FORCE)")
        assert web.get("/readyz", port=web.probe_port)[0] == 503
        assert web.get("/startedz", port=web.probe_port)[0] == 200


@contextmanager
def _asking(web: WebServer, address: str, times: int) -> Iterator[None]:
    """Ask the probes' port so often at once, and wait for the answers behind what is done meanwhile."""

    def ask() -> None:
        with suppress(OSError):
            web.get(address, port=web.probe_port, timeout=20)

    threads = [threading.Thread(target=ask) for _ in range(times)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def test_only_the_probes_port_tells_details(own: WebServer) -> None:
    told = json.loads(own.get("/readyz", port=own.probe_port)[1])["checks"]
    assert told["database"] == {"ok": True, "detail": "answers"}
    assert json.loads(own.get("/readyz")[1])["checks"]["database"] == {"ok": True}
    assert own.get("/api/v1/collections/", port=own.probe_port)[0] == 404


def test_an_answer_and_its_log_line_carry_the_same_request_id(own: WebServer) -> None:
    with own.connect() as client:
        client.sendall(b"GET /api/v1/collections/?a\x7f HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_answer(client)[0] == 400
    with own.connect() as client:
        client.sendall(
            b"GET /api/v1/collections/ HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: mine-1\r\n\r\n"
        )
        status, headers, body = read_answer(client)
    assert headers["x-request-id"] == "mine-1"
    line = rf'127\.0\.0\.1 "GET /api/v1/collections/ HTTP/1\.1" {status} {len(body)} \d+us \[mine-1\]'
    wait_until(lambda: re.search(line, own.log), what="the log line")
    assert "\x7f" not in own.log


def test_a_refused_request_has_a_log_line_too(own: WebServer) -> None:
    own.say(b"GET /healthz HTTP/1.1\r\n\r\n")
    wait_until(lambda: '"GET /healthz HTTP/1.1" 400' in own.log, what="the log line")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_lets_what_is_being_answered_end(own: WebServer, number: signal.Signals) -> None:
    with own.connect() as busy, own.connect() as idle:
        busy.sendall(SLOW % 2)
        time.sleep(0.5)
        own.process.send_signal(number)
        assert idle.recv(1) == b""
        assert read_answer(busy)[2] == b"slept"
    assert own.process.wait(10) == 0
    with pytest.raises(OSError, match="refused"):
        own.connect()


def test_a_request_that_does_not_end_is_not_waited_for_long(own: WebServer) -> None:
    with own.connect() as busy:
        busy.sendall(SLOW % 60)
        time.sleep(0.5)
        own.process.terminate()
        assert own.process.wait(20) == 0


def test_a_second_start_on_a_taken_port_says_so(own: WebServer, tmp_path: Path) -> None:
    environment = psutil.Process(own.process.pid).environ()
    command = [sys.executable, "-m", "retrieval_site.web"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert f"Port {own.port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_server_ends_with_the_process_that_started_it(own: WebServer, tmp_path: Path) -> None:
    """As the supervisor starts it: the kernel ends it, so that a killed supervisor leaves no port taken."""
    environment = psutil.Process(own.process.pid).environ() | {"PORT": "0", "PROBE_PORT": "0"}
    script = (
        "import sys, time\n"
        "from retrieval_site.supervisor.programs import Programs\n"
        "from retrieval_site.supervisor.processes import start\n"
        "import os\n"
        "child = start(Programs(dict(os.environ)).web().command, sys.stderr.fileno())\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_until(
        lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, what="the child's end"
    )


def test_a_start_removes_what_a_killed_server_left_and_nothing_of_one_that_lives(
    own: WebServer, tmp_path: Path
) -> None:
    (living,) = (path for path in (tmp_path / "spool").iterdir() if path.is_dir())
    abandoned = tmp_path / "spool" / "999-abandoned"
    abandoned.mkdir()
    (abandoned / "half.upload").write_bytes(b"x")
    with web_server(tmp_path):
        assert living.is_dir()
        assert not abandoned.exists()


def test_bodies_wait_where_the_operator_says(django_db_setup: None, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with web_server(tmp_path / "data", SPOOL_DIR=str(tmp_path / "near")):
        assert [path for path in (tmp_path / "near").iterdir() if path.is_dir()]
        assert not (tmp_path / "data" / "spool").exists()


def test_the_process_is_small_and_holds_no_neural_library(tmp_path: Path) -> None:
    unmeasured = {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": "", "MALLOC_ARENA_MAX": "2"}
    with web_server(tmp_path, **unmeasured) as own:
        for _ in range(30):
            for address in (
                "/api/v1/schema/",
                "/api/v1/docs/",
                "/",
                "/api/v1/collections/",
                "/login/",
            ):
                own.get(address)
        assert own.resident_bytes() < 150 << 20
        mapped = {region.path for region in psutil.Process(own.process.pid).memory_maps()}
    assert not [path for path in mapped if re.search(r"torch|openvino|onnx|/PIL/|/regex/", path)]
