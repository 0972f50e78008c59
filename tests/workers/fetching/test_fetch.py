"""Fetching pictures from real servers of this machine, which only this setting of the tests allows."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.pages import picture_bytes
from tests.support.picture_server import certified, redirects, sends, served
from workers.fetching.fetch import Fetcher, FetchLimits
from workers.inference.errors import PictureError

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

PICTURE = picture_bytes(size=(64, 48))
LIMITS = FetchLimits(max_bytes=100_000, seconds=5.0, networks=("127.0.0.0/8",))
HERE = ["127.0.0.1"]


class Names:
    """A name server of one's own: each name has a list of answers, the last of which stays."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): found for name, found in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        found = self.answers.get(host, [HERE])
        return found[min(self.asked.count(host), len(found)) - 1]


def fetcher(port: int, names: Names | None = None, **limits: object) -> Fetcher:
    return Fetcher(replace(LIMITS, ports=(port,), **limits), names or Names())


def refusal(port: int, path: str = "/a.jpg", names: Names | None = None, **limits: object) -> PictureError:
    with pytest.raises(PictureError) as caught:
        fetcher(port, names, **limits).fetch(f"http://a.example:{port}{path}")
    return caught.value


def test_a_picture_is_fetched_by_the_name_of_its_host():
    with served({"/a.jpg?w=1": sends(PICTURE, Content_Type="text/html")}) as server:
        data = fetcher(server.port).fetch(f"http://a.example:{server.port}/a.jpg?w=1#part")
    assert data == PICTURE
    path, headers = server.asked[0]
    assert (path, headers["Host"]) == ("/a.jpg?w=1", f"a.example:{server.port}")
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with served({"/a.jpg": sends(PICTURE)}) as server:
        assert fetcher(server.port).fetch(f"http://a.example:{server.port}/a.jpg") == PICTURE


@pytest.mark.parametrize(
    "found",
    [["10.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["0.0.0.0"], ["fe80::1%eth0"], []],
)
def test_a_host_without_a_public_address_is_not_connected_to(found):
    with served({"/a.jpg": sends(PICTURE)}) as server:
        error = refusal(server.port, names=Names(a_example=[found]))
        assert server.asked == []
    assert (error.id, error.detail) == ("image_url.not_public", {"host": "a.example"})


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "0x7f.1", "127.1", "[::1]", "[::ffff:7f00:1]"],
)
def test_no_way_of_writing_this_machines_address_reaches_it(host):
    with served({"/a.jpg": sends(PICTURE)}) as server:
        limits = replace(LIMITS, ports=(server.port,), networks=())
        with pytest.raises(PictureError) as caught:
            Fetcher(limits).fetch(f"http://{host}:{server.port}/a.jpg")
        assert server.asked == []
    assert caught.value.id == "image_url.not_public"


def test_a_name_that_changes_its_address_after_it_was_checked_changes_nothing():
    names = Names(a_example=[HERE, ["10.0.0.1"]])
    with served({"/a.jpg": sends(PICTURE)}) as server:
        fetched = fetcher(server.port, names).fetch(f"http://a.example:{server.port}/a.jpg")
    assert (fetched, names.asked) == (PICTURE, ["a.example"])


def test_only_the_public_ones_of_a_hosts_addresses_are_connected_to():
    names = Names(a_example=[["10.0.0.1", *HERE]])
    with served({"/a.jpg": sends(PICTURE)}) as server:
        assert fetcher(server.port, names).fetch(f"http://a.example:{server.port}/a.jpg") == PICTURE


def test_the_next_address_is_tried_where_one_does_not_answer():
    names = Names(a_example=[["127.9.9.9", *HERE]])
    with served({"/a.jpg": sends(PICTURE)}) as server:
        assert fetcher(server.port, names).fetch(f"http://a.example:{server.port}/a.jpg") == PICTURE


def test_redirects_are_followed_to_other_hosts_and_relative_paths():
    with served({}) as server:
        server.routes["/a.jpg"] = redirects(
            f"http://b.example:{server.port}/b/c?x=ü".encode().decode("latin-1"), 301
        )
        server.routes["/b/c?x=%C3%BC"] = redirects("../d.jpg", 307)
        server.routes["/d.jpg"] = sends(PICTURE)
        names = Names()
        assert fetcher(server.port, names).fetch(f"http://a.example:{server.port}/a.jpg") == PICTURE
    assert names.asked == ["a.example", "b.example", "b.example"]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://inner.example:{port}/a.jpg", "image_url.not_public"),
        ("http://169.254.169.254:{port}/latest/meta-data/", "image_url.not_public"),
        ("http://[::1]:{port}/", "image_url.not_public"),
        ("//10.0.0.1:{port}/", "image_url.not_public"),
        ("file:///etc/passwd", "image_url.invalid"),
        ("http://b.example:6379/", "image_url.invalid"),
        ("http://user:word@b.example:{port}/", "image_url.invalid"),
    ],
)
def test_each_redirect_is_checked_like_the_first_address(location, expected):
    names = Names(
        inner_example=[["192.168.0.1"]],
        **{host: [[host.replace("_", ".")]] for host in ("169_254_169_254", "10_0_0_1")},
    )
    names.answers["::1"] = [["::1"]]
    with served({}) as server:
        server.routes["/a.jpg"] = redirects(location.format(port=server.port))
        assert refusal(server.port, names=names).id == expected
        assert len(server.asked) == 1


def test_an_endless_row_of_redirects_is_not_followed():
    with served({}) as server:
        server.routes["/a.jpg"] = redirects("/a.jpg")
        assert refusal(server.port).id == "image_url.redirects"
        assert len(server.asked) == 5


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            sends(b"<!doctype html><title>A page</title>" * 9, Content_Type="image/jpeg"),
            "image_url.no_picture",
        ),
        (sends(b"<svg xmlns='http://www.w3.org/2000/svg'/>" * 9), "image_url.no_picture"),
        (sends(b""), "image_url.no_picture"),
        (sends(b"x", 404), "image_url.status"),
        (sends(b"x", 500), "image_url.status"),
        (sends(b"", 302), "image_url.status"),
        (sends(PICTURE, 206), "image_url.status"),
        (sends(PICTURE, Content_Length="100001"), "image.too_large"),
        (sends(PICTURE, Content_Length="9" * 40), "image.too_large"),
        (sends(PICTURE, Content_Length="a lot"), "image_url.unreachable"),
        (sends(b"no gzip" * 99, Content_Encoding="gzip"), "image_url.unreachable"),
    ],
)
def test_an_answer_that_brings_no_picture_is_refused(answer, expected):
    with served({"/a.jpg": answer}) as server:
        assert refusal(server.port).id == expected


def test_what_a_server_packs_unasked_is_unpacked():
    with served({"/a.jpg": sends(gzip.compress(PICTURE), Content_Encoding="gzip")}) as server:
        assert fetcher(server.port).fetch(f"http://a.example:{server.port}/a.jpg") == PICTURE
    assert server.asked[0][1]["Accept-Encoding"] == "identity"


def test_a_body_that_unpacks_to_far_too_much_is_refused_on_the_way():
    bomb = gzip.compress(PICTURE + bytes(200 << 20))
    with served({"/a.jpg": sends(bomb, Content_Encoding="gzip")}) as server:
        assert refusal(server.port, max_bytes=1 << 20).id == "image.too_large"


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    request.wfile.write(PICTURE)
    while True:
        request.wfile.write(bytes(1 << 16))


def drips(request: BaseHTTPRequestHandler) -> None:
    """Send the picture a byte at a time: each one comes within any timeout of a socket."""
    request.send_response(200)
    request.send_header("Content-Length", str(len(PICTURE)))
    request.end_headers()
    for byte in PICTURE:
        request.wfile.write(bytes([byte]))
        time.sleep(0.02)


def test_an_endless_body_is_refused_once_it_is_too_large():
    with served({"/a.jpg": endless}) as server:
        assert refusal(server.port).id == "image.too_large"


def test_a_body_that_drips_is_given_up_when_the_time_is_over():
    with served({"/a.jpg": drips}) as server:
        error = refusal(server.port, seconds=0.5)
    assert (error.id, error.detail) == ("image_url.timeout", {"limit_seconds": 0.5})


def test_a_port_where_nobody_listens_is_no_server():
    with served({}) as server:
        port = server.port
    assert refusal(port).id == "image_url.unreachable"


def test_the_certificate_has_to_be_of_the_name_that_was_asked_for(tmp_path):
    context, trusted = certified(tmp_path, "a.example")
    with served({"/a.jpg": sends(PICTURE)}, context) as server:
        secure = fetcher(server.port, ca_file=str(trusted))
        assert secure.fetch(f"https://a.example:{server.port}/a.jpg") == PICTURE
        assert server.asked[0][1]["Host"] == f"a.example:{server.port}"
        for host, ca_file in (("b.example", str(trusted)), ("127.0.0.1", str(trusted)), ("a.example", "")):
            with pytest.raises(PictureError) as caught:
                fetcher(server.port, ca_file=ca_file).fetch(f"https://{host}:{server.port}/a.jpg")
            assert caught.value.id == "image_url.tls", host
        assert len(server.asked) == 1


def test_a_certificate_of_an_ip_address_serves_that_address(tmp_path):
    context, trusted = certified(tmp_path, "127.0.0.1")
    with served({"/a.jpg": sends(PICTURE)}, context) as server:
        data = fetcher(server.port, ca_file=str(trusted)).fetch(f"https://127.0.0.1:{server.port}/a.jpg")
    assert data == PICTURE
