"""Fetching in processes that have the network and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.pages import picture_bytes
from tests.support.picture_server import sends, served
from tests.support.workers import wait_until
from workers.fetching.fetch import FetchLimits
from workers.fetching.pool import PROCESSES, Fetchers
from workers.inference.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")
PICTURE = picture_bytes(size=(64, 48))
LIMITS = FetchLimits(max_bytes=100_000, seconds=1.0, networks=("127.0.0.0/8",))


def silent(request: BaseHTTPRequestHandler) -> None:
    """Send a head that never ends, a line at a time."""
    request.send_response(200)
    for number in range(1000):
        request.send_header(f"X-{number}", "y")
        request.flush_headers()
        time.sleep(0.1)


@pytest.fixture(scope="module")
def server() -> Iterator:
    with served({"/a.jpg": sends(PICTURE), "/silent.jpg": silent, "/page": sends(b"<html>" * 99)}) as running:
        yield running


@pytest.fixture(scope="module")
def fetchers(server) -> Iterator[Fetchers]:
    with closing(Fetchers(replace(LIMITS, ports=(server.port,)))) as made:
        wait_until(lambda: len(made.pids()) == PROCESSES + 1)
        yield made


def refusal(fetchers: Fetchers, address: str, **options: float) -> PictureError:
    with pytest.raises(PictureError) as caught:
        fetchers.fetched(address, options.get("within_seconds", 30))
    return caught.value


def test_a_process_fetches_one_picture_after_another(fetchers, server):
    address = f"http://localhost:{server.port}/a.jpg"  # a name, which the process itself looks up
    assert [fetchers.fetched(address, 30) for _ in range(2)] == [PICTURE] * 2


def test_a_refusal_comes_back_with_its_facts(fetchers, server):
    error = refusal(fetchers, f"http://127.0.0.1:{server.port}/page")
    assert error.id == "image_url.no_picture"
    error = refusal(fetchers, f"http://10.0.0.1:{server.port}/a.jpg")
    assert (error.id, error.detail) == ("image_url.not_public", {"host": "10.0.0.1"})


def test_a_process_that_is_kept_waiting_is_ended_and_replaced(fetchers, server):
    before = set(fetchers.pids())
    error = refusal(fetchers, f"http://127.0.0.1:{server.port}/silent.jpg")
    assert (error.id, error.detail) == ("image_url.timeout", {"limit_seconds": 1.0})
    wait_until(lambda: len(fetchers.pids()) == PROCESSES + 1)
    assert len(before - set(fetchers.pids())) == 1


def test_whoever_finds_no_process_free_in_time_is_told_so(server):
    with closing(Fetchers(replace(LIMITS, ports=(server.port,)))) as new:
        assert refusal(new, "http://127.0.0.1/a.jpg", within_seconds=0.01).id == "image_url.busy"


ATTEMPTS = """
import json, os, socket, subprocess, sys
from pathlib import Path
from workers.inference.isolation import Resources, isolate, needed_folders

outside, port, other = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
walls = isolate(Path(sys.argv[4]), Resources(30, 1 << 30, 1 << 20, ports=(port,)), needed_folders())

def attempt(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "done"

def listen():
    heard = socket.socket()
    heard.bind(("127.0.0.1", 0))
    heard.listen()

print(json.dumps({
    "walls": walls.to_json(),
    "port": attempt(lambda: socket.create_connection(("127.0.0.1", port), 5)),
    "other port": attempt(lambda: socket.create_connection(("127.0.0.1", other), 5)),
    "local socket": attempt(lambda: socket.socket(socket.AF_UNIX)),
    "pair": attempt(socket.socketpair),
    "kernel": attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "listen": attempt(listen),
    "program": attempt(lambda: subprocess.run(["/bin/true"])),
    "read": attempt(lambda: Path(outside).read_text()),
}))
"""


@pytest.fixture(scope="module")
def attempts(server, tmp_path_factory):
    room = tmp_path_factory.mktemp("walls", numbered=True)
    (room / "scratch").mkdir()
    (room / "closed").mkdir(mode=0o700)
    (room / "closed" / "secret").write_text("secret")
    with served({}) as other:
        words = [room / "closed" / "secret", server.port, other.port, room / "scratch"]
        command = [sys.executable, "-P", "-c", ATTEMPTS, *map(str, words)]
        environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "HOME": str(room / "scratch")}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_its_walls_are_tight_but_for_the_network(attempts):
    assert attempts["walls"]["is_tight"] == (attempts["walls"]["user"] or attempts["walls"]["files"])
    assert not attempts["walls"]["network"]
    assert attempts["port"] == "done"


@pytest.mark.parametrize("name", ["local socket", "pair", "kernel", "listen", "program", "read"])
def test_nothing_else_is_open_to_it(attempts, name):
    if name == "read" and not (attempts["walls"]["files"] or attempts["walls"]["user"]):
        pytest.skip("this kernel has no Landlock, and the test is not run by root")
    assert attempts[name] in {"PermissionError", "FileNotFoundError"}


def test_other_ports_are_closed_to_it_where_the_kernel_can_tell_them_apart(attempts):
    if tuple(map(int, os.uname().release.split(".")[:2])) < (6, 7) or not attempts["walls"]["files"]:
        pytest.skip("this kernel's Landlock knows no ports")
    assert attempts["other port"] == "PermissionError"
