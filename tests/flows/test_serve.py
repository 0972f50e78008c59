"""One command on a bare machine, with real processes: what starts, what comes back, what is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.flows.served import MARKS, ROOT, Served, free_port, gone, open_folder, wait_for
from workers.encoding.wire import HEARTBEAT_EXPIRES_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

SECOND_START_SECONDS = 15
WEB_RESIDENT_MAX_MB = 150
NEURAL_LIBRARIES = ("torch", "openvino", "onnx")


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with open_folder() as folder:
        served = Served(
            folder / ("a folder, deep " + "d" * 90), free_port()
        )  # no socket's path has that room
        served.start()
        yield served
        if served.process is not None and served.process.poll() is None:
            served.stop()


def addresses(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """Every address of the site, with `1` or `x` for what varies."""
    for pattern in resolver.url_patterns:
        route = prefix + re.sub(r"[\^$]|\\Z", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield "/" + re.sub(r"<int:\w+>", "1", re.sub(r"<(?!int:)[^>]+>|\(.*?\)", "x", route)).lstrip("/")


def test_the_first_start_prints_the_address_and_a_password_that_is_kept_nowhere(served: Served) -> None:
    assert f"http://localhost:{served.port}/" in served.output
    password = served.password()
    assert password is not None
    check = (
        "from django.contrib.auth import authenticate; import sys\n"
        "print(authenticate(username='admin', password=sys.stdin.read()))"
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", check],
        cwd=ROOT,
        env=served.environment,
        input=password,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip().endswith("admin"), (
        done.stderr
    )  # and the command found the embedded servers by itself
    for file in served.data_dir.rglob("*"):
        if file.is_file() and "postgres" not in file.parts:
            assert password.encode() not in file.read_bytes()


def test_the_second_start_on_a_folder_says_where_the_first_one_answers(served: Served) -> None:
    done = served.command("serve", "--port", str(free_port()))
    assert done.returncode == 1
    assert f"already running on {served.data_dir} at http://localhost:{served.port}/" in done.stderr
    assert "Traceback" not in done.stderr


def test_nobody_else_can_read_the_data_folder(served: Served) -> None:
    assert (served.data_dir / "log" / "web.log").stat().st_mode & 0o077 == 0
    assert (served.data_dir / "secret_key").stat().st_mode & 0o077 == 0


def test_the_web_process_holds_no_neural_library_and_stays_small_after_every_address(served: Served) -> None:
    asked = list(addresses(get_resolver()))
    assert len(asked) > 20
    assert "/" in asked
    for address in asked:
        served.get(address)
    worker = served.children()["web"]
    mapped = {entry.path for entry in worker.memory_maps()}
    assert any("psycopg" in path for path in mapped)  # the map is that of the process which answers
    assert [path for path in mapped if any(name in path for name in NEURAL_LIBRARIES)] == []
    assert worker.memory_info().rss / 1024**2 <= WEB_RESIDENT_MAX_MB


@pytest.mark.parametrize("name", list(MARKS))
def test_a_part_killed_with_9_comes_back_and_everything_answers(served: Served, name: str) -> None:
    wait_for(served.ready)
    before = served.children()[name]
    before.kill()
    wait_for(lambda: served.children().get(name, before) != before)
    time.sleep(HEARTBEAT_EXPIRES_SECONDS)  # what the killed worker said last counts no more
    wait_for(served.ready)
    assert f"{name:<9} ended (SIGKILL)" in served.output
    assert served.process is not None
    assert served.process.poll() is None


def test_probes_answer_on_the_port_that_the_terminal_names(served: Served) -> None:
    named = re.search(r"Probes: http://127\.0\.0\.1:(\d+)/readyz", served.output)
    assert named is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{named[1]}/readyz", timeout=10) as answer:
        assert "detail" in json.load(answer)["checks"]["database"]
    assert int(named[1]) not in {served.port, served.port + 1}  # a second installation may have the next port


def test_a_killed_supervisor_takes_everything_with_it_and_the_next_start_recovers(served: Served) -> None:
    def kill_and_start() -> float:
        everything = served.everything()
        assert len(everything) >= len(MARKS)
        served.stop(signal.SIGKILL)
        wait_for(lambda: gone(everything), seconds=15)
        return served.start()

    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # by what else runs on this machine
    assert any(kill_and_start() <= SECOND_START_SECONDS * busy for _ in range(2))
    assert served.password() is None  # there is an administrator already
    assert served.ready()


def test_ctrl_c_stops_everything_in_order(served: Served) -> None:
    everything = served.everything()
    assert served.stop(signal.SIGINT) == 0
    assert gone(everything)
    assert "stopped" in served.output
    assert "postgres  did not stop" not in served.output
    assert (
        (served.data_dir / "log" / "postgres.log")
        .read_text()
        .rstrip()
        .endswith("database system is shut down")
    )


def test_a_command_without_the_servers_says_that_they_are_not_running(served: Served) -> None:
    done = served.command("migrate", "--check")
    assert done.returncode != 0
    assert "Is the server running locally" in done.stderr


def test_with_servers_of_your_own_none_is_started(tmp_path: Path) -> None:
    own = {
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": os.environ["REDIS_URL"].replace("db=0", "db=7"),
    }
    served = Served(tmp_path / "data", free_port(), extra=own)
    served.start()
    try:
        assert set(served.children()) == {"query", "bulk", "web"}
        wait_for(served.ready)
        assert not (tmp_path / "data" / "postgres").exists()
    finally:
        assert served.stop(signal.SIGTERM) == 0


def test_a_server_of_your_own_that_does_not_answer_is_named(tmp_path: Path) -> None:
    own = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing", "REDIS_URL": os.environ["REDIS_URL"]}
    served = Served(tmp_path / "data", free_port(), extra=own)
    done = served.command("serve")
    assert done.returncode == 1
    assert "The step `bootstrap` failed" in done.stderr
    assert "port 9 failed: Connection refused" in done.stderr
