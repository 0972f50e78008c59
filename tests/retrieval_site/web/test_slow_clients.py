"""Slow senders, slow readers and idle connections hold no thread: ordinary requests are answered beside them."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.support.web import WebServer, error_of, read_all, read_answer, status_of, web_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

HALF_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-a: "
HALF_BODY = (
    b"POST /api/v1/search/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 5000\r\n\r\n{"
)
HALF_CHUNK = (
    b"POST /api/v1/search/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1000\r\n{"
)
MUCH = b"GET /test/much/20/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
NOTHING = b""
HALVES = (HALF_HEAD, HALF_BODY, HALF_CHUNK)


@contextmanager
def clients(
    web: WebServer, number: int, start: bytes, receive_bytes: int = 0
) -> Iterator[list[socket.socket]]:
    """So many connections that begin with `start` and then send a byte a quarter second, if anything."""
    opened = [web.connect(receive_bytes=receive_bytes) for _ in range(number)]
    done = threading.Event()
    for client in opened:
        client.sendall(start)
    dripping = threading.Thread(target=drip, args=(opened if start in HALVES else [], done))
    dripping.start()
    try:
        yield opened
    finally:
        done.set()
        dripping.join()
        for client in opened:
            client.close()


def drip(senders: list[socket.socket], done: threading.Event) -> None:
    while not done.wait(0.25):
        for client in senders:
            with suppress(OSError):
                client.send(b"b")


@pytest.mark.parametrize(
    ("number", "start"),
    [(17, HALF_HEAD), (60, HALF_HEAD), (30, HALF_BODY), (30, HALF_CHUNK), (200, NOTHING)],
    ids=["17 heads", "60 heads", "30 bodies", "30 chunks", "200 idle"],
)
def test_ordinary_requests_are_answered_beside_slow_senders(
    web: WebServer, number: int, start: bytes
) -> None:
    with clients(web, number, start):
        for _ in range(10):
            assert web.get("/healthz")[0] == 200
            assert web.get("/api/v1/collections/")[0] == 200


def test_ordinary_requests_are_answered_beside_slow_readers(web: WebServer) -> None:
    with clients(web, 30, MUCH, receive_bytes=4096):
        time.sleep(1)  # all thirty are being answered
        for _ in range(10):
            assert web.get("/api/v1/collections/")[0] == 200


def test_a_slow_reader_gets_all_of_its_answer(web: WebServer) -> None:
    with web.connect(receive_bytes=65536) as client:
        client.sendall(MUCH)
        time.sleep(1)
        status, _, body = read_answer(client)
    assert (status, len(body)) == (200, 20 << 20)


@pytest.fixture(scope="module")
def strict(
    django_db_setup: None, django_db_blocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebServer]:
    """A server whose time limits are short and whose connections are few."""
    limits = {
        "HEADER_TIMEOUT_SECONDS": "1",
        "BODY_TIMEOUT_SECONDS": "1",
        "ANSWER_TIMEOUT_SECONDS": "1",
        "KEEPALIVE_SECONDS": "2",
        "MIN_BYTES_PER_SECOND": "1000",
        "CONNECTIONS_MAX": "20",
        "CONNECTIONS_PER_ADDRESS": "5",
    }
    folder: Path = tmp_path_factory.mktemp("strict")
    with django_db_blocker.unblock(), web_server(folder, **limits) as server:
        yield server


@pytest.mark.parametrize("start", [HALF_HEAD, HALF_BODY, HALF_CHUNK], ids=["head", "body", "chunk"])
def test_half_a_request_ends_with_408_when_its_time_is_over(strict: WebServer, start: bytes) -> None:
    with clients(strict, 1, start) as (client,):
        answer = read_all(client, silence=10)
    assert status_of(answer) == 408
    assert error_of(answer)["id"] == "request.timeout"


def test_a_body_that_comes_fast_enough_may_take_longer_than_the_limit(strict: WebServer) -> None:
    body = b'{"text": "' + b"x" * 6000
    head = HALF_BODY.partition(b"Content-Length")[0] + b"Content-Length: %d\r\n\r\n" % len(body)
    with strict.connect() as client:
        client.sendall(head)
        for first in range(
            0, len(body), 600
        ):  # three seconds for what may take one, and one for each 1000 bytes
            client.sendall(body[first : first + 600])
            time.sleep(0.3)
        assert read_answer(client)[0] == 400


def test_a_reader_that_takes_nothing_is_ended(strict: WebServer) -> None:
    with strict.connect(receive_bytes=4096) as client:
        client.sendall(MUCH)
        time.sleep(4)
        assert len(read_all(client)) < 20 << 20


def test_an_idle_connection_is_closed_in_the_end(strict: WebServer) -> None:
    with strict.connect() as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_answer(client)[0] == 200
        client.settimeout(10)
        assert client.recv(1) == b""


def test_one_address_cannot_hold_the_connections_of_the_others(strict: WebServer) -> None:
    with clients(strict, 12, HALF_HEAD) as held:
        time.sleep(0.3)
        left = [client for client in held if not _closed(client)]
        assert len(left) == 5
        with strict.connect(source="127.0.0.9") as other:
            other.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert read_answer(other)[0] == 200
        assert strict.get("/healthz")[0] == 200  # and the same address still gets in: the oldest makes room


def test_a_crowd_of_addresses_leaves_room_for_one_more(strict: WebServer) -> None:
    crowd = [strict.connect(source=f"127.0.1.{number % 8 + 1}") for number in range(40)]
    try:
        for client in crowd:
            client.sendall(HALF_HEAD)
        assert strict.get("/healthz")[0] == 200
        time.sleep(0.3)
        assert sum(not _closed(client) for client in crowd) <= 20
    finally:
        for client in crowd:
            client.close()


def test_a_busy_request_is_never_ended_to_make_room(strict: WebServer) -> None:
    busy = [strict.connect() for _ in range(5)]
    for client in busy:
        client.sendall(b"GET /test/slow/2/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(0.5)
    with strict.connect() as more:
        answer = read_all(more)
    assert status_of(answer) == 503
    assert error_of(answer)["id"] == "server.busy"
    for client in busy:
        assert read_answer(client)[2] == b"slept"
        client.close()


def _closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        client.setblocking(True)
