"""Whoever sends half a request keeps a connection, not the server."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.hostile.clients import assert_undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hostile.site import Site

pytestmark = pytest.mark.slow

HEADER = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-a: "
BODY = (
    b"POST /api/v1/search/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 5000\r\n\r\n{"
)
CHUNKS = (
    b"POST /api/v1/search/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
)
ATTACK_SECONDS = 5.0
PROBE_SECONDS_MAX = 5.0


@contextmanager
def half_sent(port: int, start: bytes, count: int) -> Iterator[list[socket.socket]]:
    """Connections that have sent this much and wait."""
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    try:
        for client in clients:
            client.sendall(start)
        yield clients
    finally:
        for client in clients:
            client.close()


def trickle(clients: list[socket.socket], more: bytes) -> None:
    """Another byte on each connection that is still open."""
    for client in clients:
        try:
            client.sendall(more)
        except OSError:
            continue


@pytest.mark.parametrize(
    ("start", "more", "count"),
    [(HEADER, b"b", 17), (BODY, b" ", 30), (CHUNKS, b"1\r\n \r\n", 30), (b"", b"", 40)],
    ids=["17 half-sent headers", "30 slow bodies", "30 slow chunked bodies", "40 silent connections"],
)
def test_slow_senders_stop_neither_searches_nor_probes(
    site: Site, start: bytes, more: bytes, count: int
) -> None:
    probes: list[tuple[float, int]] = []

    def attack() -> None:
        with half_sent(site.port, start, count) as clients:
            end = time.monotonic() + ATTACK_SECONDS
            while time.monotonic() < end:
                began = time.monotonic()
                status, _ = site.served.get("/healthz")
                probes.append((time.monotonic() - began, status))
                trickle(clients, more)
                time.sleep(0.5)

    assert_undisturbed(site.port, attack)
    assert {status for _, status in probes} == {200}
    assert max(seconds for seconds, _ in probes) < PROBE_SECONDS_MAX


def test_a_sender_that_stops_is_let_go_after_a_while(site: Site) -> None:
    with half_sent(site.port, HEADER, 1) as (client,):
        client.settimeout(90)
        assert client.recv(1000)[:12] in (b"", b"HTTP/1.1 408", b"HTTP/1.1 400")
