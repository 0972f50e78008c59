"""Hundreds of megabytes from somebody without an account: refused before they are read, and nowhere on disk."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.hostile.clients import assert_undisturbed
from tests.hostile.site import MIB

if TYPE_CHECKING:
    from tests.hostile.site import Site

pytestmark = pytest.mark.slow

LENGTH = 300 * MIB
SENT_MAX = 40 * MIB
"""The largest body that some address takes from everybody, and what lies in sockets."""

ON_DISK_MAX = 4 * MIB
ADDRESSES = (
    "/search/",
    "/login/",
    "/",
    "/collections/",
    "/nothing-here/",
    "/admin/login/",
    "/admin/models_admin/modelversion/add/",
    "/api/v1/search/",
    "/api/v1/embeddings/",
    "/api/v1/documents/",
    "/api/v1/documents/import/",
    "/api/v1/models/",
    "/api/v1/judgements/",
    "/api/v1/nothing/",
)
PIECE = b"x" * (64 * 1024)


def sent(site: Site, address: str, *, chunked: bool) -> tuple[int, bytes]:
    """Send up to 300 MB as a form's file; returns how many bytes went and how the answer begins."""
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {LENGTH}"
    head = f"POST {address} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n"
    head += "Content-Type: multipart/form-data; boundary=B\r\n\r\n"
    part = b'--B\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
        client.sendall(head.encode() + _piece(part, chunked=chunked))
        count = 0
        try:
            while count < LENGTH and not _answered(client):
                client.sendall(_piece(PIECE, chunked=chunked))
                count += len(PIECE)
            return count, client.recv(200)
        except OSError:  # closed while more was on its way
            return count, b""


def _piece(data: bytes, *, chunked: bool) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if chunked else data


def _answered(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False
    finally:
        client.settimeout(60)


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
def test_no_address_takes_300_megabytes_from_somebody_without_an_account(
    site: Site, *, chunked: bool
) -> None:
    grown: list[int] = []
    stop = threading.Event()
    before = site.bytes_on_disk()

    def watch() -> None:
        while not stop.wait(0.02):
            grown.append(site.bytes_on_disk() - before)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        for address in ADDRESSES:
            count, answer = sent(site, address, chunked=chunked)
            assert count < SENT_MAX, f"{address} took {count / MIB:.0f} MiB"
            assert answer[9:12] in (
                b"",
                b"301",
                b"302",
                b"400",
                b"401",
                b"403",
                b"404",
                b"405",
                b"411",
                b"413",
            ), answer
    finally:
        stop.set()
        watching.join()
    assert max(grown) < ON_DISK_MAX
    assert site.bytes_on_disk() - before < MIB


def test_thirty_of_them_disturb_no_search(site: Site) -> None:
    def attack() -> None:
        began = time.monotonic()
        for number in range(30):
            sent(site, ADDRESSES[number % len(ADDRESSES)], chunked=bool(number % 2))
            assert time.monotonic() - began < 60

    assert_undisturbed(site.port, attack)
