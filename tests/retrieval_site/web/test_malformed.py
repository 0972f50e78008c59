"""Requests that two programs could read in two ways, or that are none, are answered 400 and end the connection."""

from __future__ import annotations

import json

import pytest

from tests.support.web import WebServer, error_of, read_answer, status_of, web_server

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

GET = b"GET /healthz HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
POST = b"POST /test/told/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /api/v1/collections/ HTTP/1.1\r\nHost: localhost\r\n\r\n"

MALFORMED = {
    "content-length twice, the same": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "content-length twice, two values": POST + b"Content-Length: 3\r\nContent-Length: 30\r\n\r\nabc",
    "content-length as a list": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "content-length negative": POST + b"Content-Length: -3\r\n\r\nabc",
    "content-length with a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "content-length in hexadecimal": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "content-length of ten thousand digits": POST + b"Content-Length: " + b"9" * 10_000 + b"\r\n\r\n",
    "content-length empty": POST + b"Content-Length: \r\n\r\nabc",
    "content-length and chunked": POST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "chunked and content-length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two transfer-encodings": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "another transfer-encoding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a transfer-encoding with a vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /test/told/ HTTP/1.0\r\nConnection: keep-alive\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk's size that is no number": CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",
    "a chunk's size with a sign": CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n",
    "a chunk's size negative": CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
    "a chunk's size in another base": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n",
    "a chunk's size that does not end": CHUNKED + b"1" * 4000,
    "a chunk's extension that does not end": CHUNKED + b"3;a=" + b"b" * 4000,
    "a trailer that does not end": CHUNKED + b"0\r\n" + b"X-a: b\r\n" * 4000,
    "many chunks of a byte": CHUNKED + b"1\r\na\r\n" * 30_000,
    "a chunk that ends with a line feed alone": CHUNKED + b"3\nabc\n0\n\n",
    "a chunk's size of many digits": CHUNKED + b"0" * 30 + b"3\r\nabc\r\n0\r\n\r\n",
    "digits that a pattern could read in many ways": b"GET a://" + b"9" * 30_000 + b" x y\r\n\r\n",
    "spaces that a pattern could read in many ways": GET + HOST + b"X-a:" + b" " * 30_000 + b"b\r\n\r\n",
    "tabs and spaces before nonsense": GET + HOST + b"X-a:" + b" \t" * 15_000 + b"\x00\r\n\r\n",
    "no host": GET + b"\r\n",
    "two hosts": GET + HOST + b"Host: other\r\n\r\n",
    "a header without a colon": GET + HOST + b"nonsense\r\n\r\n",
    "a header without a name": GET + HOST + b": value\r\n\r\n",
    "a space before the colon": GET + HOST + b"Content-Length : 3\r\n\r\nabc",
    "a header that goes on in the next line": GET + HOST + b"X-a: b\r\n c\r\n\r\n",
    "a header that goes on before the first": GET + b" X-a: b\r\n" + HOST + b"\r\n",
    "a bare line feed in a header": GET + HOST + b"X-a: b\nX-c: d\r\n\r\n",
    "a bare carriage return in a header": GET + HOST + b"X-a: b\rX-c: d\r\n\r\n",
    "a NUL in a header": GET + HOST + b"X-a: b\x00c\r\n\r\n",
    "too many headers": GET + HOST + b"".join(b"X-%d: a\r\n" % n for n in range(150)) + b"\r\n",
    "a line that is no request": b"hello there\r\n\r\n",
    "a request line of one word": b"GET\r\n\r\n",
    "a request line of five words": b"GET / a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xab" * 32 + b"\r\n\r\n",
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/1.9": b"GET /healthz HTTP/1.9\r\n" + HOST + b"\r\n",
    "HTTP/9.9": b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n",
    "a method in small letters": b"get /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "another host's address": b"GET http://evil.example/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "an address with a user": b"GET http://a@localhost/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "another scheme": b"GET ftp://localhost/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "an address that is none": b"GET http://[::1/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "an address without a slash": b"GET healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL in the address": b"GET /healthz\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tab in the address": b"GET /heal\tthz HTTP/1.1\r\n" + HOST + b"\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_answered_400_once_and_the_connection_ends(web: WebServer, name: str) -> None:
    answer = web.say(MALFORMED[name])
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert status_of(answer) == 400
    assert error_of(answer)["id"] == "request.malformed"
    assert error_of(answer)["message"] == "The request cannot be read."
    assert error_of(answer)["detail"]["reason"]


def test_headers_that_are_too_large_are_answered_431(web: WebServer) -> None:
    for data in (GET + HOST + b"X-a: " + b"b" * 40_000 + b"\r\n\r\n", b"GET /" + b"a" * 40_000):
        answer = web.say(data)
        assert status_of(answer) == 431
        assert error_of(answer)["id"] == "request.headers_too_large"


def test_what_is_allowed_is_answered(web: WebServer) -> None:
    for data in (
        GET + HOST + b"\r\n",
        b"\r\n" + GET + HOST + b"\r\n",  # an empty line before, as old programs send
        b"GET http://localhost/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://LOCALHOST/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET //healthz HTTP/1.1\r\n" + HOST + b"\r\n",
        POST.replace(b"/test/told/", b"/healthz") + b"Content-Length: 3\r\n\r\nabc",
    ):
        with web.connect() as client:
            client.sendall(data)
            assert read_answer(client)[0] == 200


def test_odd_addresses_are_answered_and_are_no_fault_of_the_server(web: WebServer) -> None:
    for address in (
        b"/%00",
        b"/%ff%fe",
        b"/\xff\xfe",
        b"/images/%00",
        b"/..%2f..%2fetc/passwd",
        b"/?a=%ff",
        b"*",
    ):
        answer = web.say(b"GET " + address + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        assert status_of(answer) in {200, 400, 404}, address


def test_a_head_request_gets_the_head_alone(web: WebServer) -> None:
    with web.connect() as client:
        client.sendall(b"HEAD /test/much/1/ HTTP/1.1\r\n" + HOST + b"\r\n")
        client.sendall(GET + HOST + b"\r\n")
        received = b""
        while received.count(b"\r\n\r\n") < 2 or not received.endswith(b"}"):
            received += client.recv(65536)
    assert len(received) < 5000
    assert b"Content-Length: 1048576" in received


def told(web: WebServer, *headers: str) -> dict:
    lines = "\r\n".join(["GET /test/told/ HTTP/1.1", "Host: localhost", *headers, "", ""])
    with web.connect() as client:
        client.sendall(lines.encode())
        status, _, body = read_answer(client)
    assert status == 200
    return json.loads(body)


MOVING = [
    "SCRIPT_NAME: /evil",
    "Script-Name: /evil",
    "X-Script-Name: /evil",
    "X-Forwarded-Prefix: /evil",
    "X-Forwarded-Host: evil.example",
    "X_Forwarded_Host: evil.example",
    "X-Forwarded-Port: 666",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Ssl: on",
    "X-Forwarded-For: 9.9.9.9",
    "Forwarded: for=9.9.9.9;host=evil.example;proto=https",
    "X-Original-URL: /admin/",
    "X-Rewrite-URL: /admin/",
    "Path-Info: /admin/",
    "PATH_INFO: /admin/",
    "Remote-Addr: 9.9.9.9",
    "REMOTE_USER: admin",
    "Proxy: http://evil.example",
]


@pytest.mark.parametrize("header", MOVING)
def test_no_header_moves_an_address_or_names_another_caller(web: WebServer, header: str) -> None:
    seen = told(web, header)
    assert seen["script_name"] == ""
    assert seen["address"] == "http://localhost/test/told/"
    assert seen["caller"] == "127.0.0.1"
    value = header.partition(": ")[2]
    kept = {name for name, found in seen["headers"].items() if found == value}
    assert kept <= {"HTTP_PATH_INFO", "HTTP_REMOTE_ADDR"}  # told apart from the server's own by their prefix


def test_an_underscore_never_stands_for_a_dash(web: WebServer) -> None:
    assert "HTTP_X_REQUEST_ID" not in told(web, "X_Request_ID: abc")["headers"]


def test_a_proxys_headers_are_taken_where_the_operator_says_that_there_is_one(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    trusting = {"TRUSTED_PROXIES": "1", "HTTPS": "1"}
    with web_server(tmp_path_factory.mktemp("proxied"), **trusting) as web:
        seen = told(
            web, "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"
        )
        assert seen["address"] == "https://localhost/test/told/"
        assert seen["headers"]["HTTP_X_FORWARDED_FOR"] == "9.9.9.9"
        for path in ("/metrics", "/readyz"):  # for the own network, on the probes' port
            assert web.get(path)[0] in {301, 404}
        assert web.get("/metrics", port=web.probe_port)[0] == 200
