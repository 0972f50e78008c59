"""The proxy configurations that the docs give, started as they are but for ports, shorter times and a smaller limit."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from retrieval_site.bodies import BodyRule
from retrieval_site.middleware import GIVEN_ID
from retrieval_site.throttling import address_of
from retrieval_site.web.config import WebConfig
from retrieval_site.web.parser import Front
from retrieval_site.web.server import Server, adjustments
from retrieval_site.web.spool import Spool
from retrieval_site.web.tasks import ACCESS_LOG
from tests.flows.served import free_port
from tests.support.web import read_all, status_of
from tests.support.workers import wait_until

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "proxy"
NAME = "sightline.example"
LIMIT = 1 << 20
CALLER = "127.0.0.5"
START_SECONDS = 10
SILENCE_SECONDS = 1
CONNECTIONS = 3
CONFIG = WebConfig(
    host="127.0.0.1",
    port=0,
    threads=4,
    probe_host="127.0.0.1",
    probe_port=0,
    header_timeout_seconds=10,
    body_timeout_seconds=1,
    answer_timeout_seconds=10,
    min_bytes_per_second=4096,
    keepalive_seconds=30,
    connections_max=50,
    connections_per_address=50,
    uploads_max_bytes=64 << 20,
    stuck_seconds=60,
    trusted_proxies=1,
    https=True,
)


class Backend:
    """Sightline's web server before an application that answers with what it was given."""

    def __init__(self) -> None:
        self.port = free_port()
        shared = Front(CONFIG, Spool(64 << 20), lambda path: BodyRule(text_bytes=8 << 20))
        self._server = Server(self._answer, shared, adjustments("127.0.0.1", self.port, 4))
        threading.Thread(target=self._server.serve, daemon=True).start()

    @staticmethod
    def _answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        given = {key: value for key, value in environ.items() if isinstance(value, str)}
        body = environ["wsgi.input"].read()
        answer = json.dumps({"given": given, "bytes": len(body)}).encode()
        tus = [
            ("Upload-Offset", str(len(body))),
            ("Location", "/api/v1/uploads/1/"),
            ("Tus-Resumable", "1.0.0"),
        ]
        start_response("200 OK", [("Content-Length", str(len(answer))), *tus])
        return [answer]

    def stop(self) -> None:
        self._server.stop()


class Proxy:
    """A started proxy: its ports, and requests to it."""

    def __init__(self, ports: tuple[int, int], certificate: Path, folder: Path) -> None:
        self.plain, self.secure = ports
        self._folder = folder
        self._context = ssl.create_default_context(cafile=str(certificate))

    def log(self) -> str:
        """What it wrote of its requests: nginx to a file, HAProxy to its output."""
        files = [self._folder / name for name in ("access.log", "out")]
        return "".join(file.read_text() for file in files if file.exists())

    def connect(self) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", self.secure), timeout=10, source_address=(CALLER, 0))
        return self._context.wrap_socket(raw, server_hostname=NAME)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """Return the status, the headers and the JSON of an answer."""
        connection = http.client.HTTPConnection(NAME)
        connection.sock = self.connect()
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
                connection.request(method, path, body=body, headers=named)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, answer.headers, json.loads(text) if answer.status == 200 else text


def _replaced(name: str, values: dict[str, str]) -> str:
    """Return the configuration with other values; each must stand in it."""
    text = (FOLDER / name).read_text()
    for old, new in values.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _nginx(folder: Path, ports: tuple[int, int], backend: int) -> list[str]:
    values = {
        "user www-data;\n": "daemon off;\n",
        "/run/nginx.pid": f"{folder}/pid",
        "/var/log/nginx/": f"{folder}/",
        "listen 80 ": f"listen 127.0.0.1:{ports[0]} ",
        "listen 443 ": f"listen 127.0.0.1:{ports[1]} ",
        "/etc/ssl/sightline/": f"{folder}/",
        "127.0.0.1:8000": f"127.0.0.1:{backend}",
        "client_max_body_size 4097m": "client_max_body_size 1m",
        "limit_conn callers 40": f"limit_conn callers {CONNECTIONS}",
        "client_header_timeout 10s": f"client_header_timeout {SILENCE_SECONDS}s",
    }
    (folder / "nginx.conf").write_text(_replaced("nginx.conf", values))
    return ["nginx", "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(folder / "nginx.conf")]


def _haproxy(folder: Path, ports: tuple[int, int], backend: int) -> list[str]:
    values = {
        "bind :80\n": f"bind 127.0.0.1:{ports[0]}\n",
        "bind :443 ": f"bind 127.0.0.1:{ports[1]} ",
        "/etc/ssl/sightline/": f"{folder}/",
        "127.0.0.1:8000": f"127.0.0.1:{backend}",
        "gt 4296015872": f"gt {LIMIT}",
        "sc_conn_cur(0) gt 40": f"sc_conn_cur(0) gt {CONNECTIONS}",
        "timeout http-request 10s": f"timeout http-request {SILENCE_SECONDS}s",
    }
    (folder / "haproxy.cfg").write_text(_replaced("haproxy.cfg", values))
    return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


COMMANDS = {"nginx": _nginx, "haproxy": _haproxy}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    asked = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    asked += ["-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run([*asked, *files], check=True, capture_output=True)
    (folder / "all.pem").write_bytes(
        (folder / "fullchain.pem").read_bytes() + (folder / "key.pem").read_bytes()
    )
    return folder / "fullchain.pem"


@pytest.fixture(scope="module")
def backend():
    started = Backend()
    yield started
    started.stop()


@pytest.fixture(scope="module", params=COMMANDS)
def proxy(request, backend, certificate, tmp_path_factory):
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param}, of Debian's package of that name, is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    for file in certificate.parent.iterdir():
        shutil.copy(file, folder)
    ports = (free_port(), free_port())
    command = COMMANDS[request.param](folder, ports, backend.port)
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        _wait(process, ports[1], folder / "out")
        yield Proxy(ports, certificate, folder)
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int, out: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, out.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    pytest.fail(out.read_text())


@pytest.fixture
def written():
    """What the web server writes of its answers."""
    lines: list[str] = []
    handler, level = logging.Handler(), ACCESS_LOG.level
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    ACCESS_LOG.addHandler(handler)
    ACCESS_LOG.setLevel(logging.INFO)
    yield lines
    ACCESS_LOG.removeHandler(handler)
    ACCESS_LOG.setLevel(level)


def test_the_callers_address_arrives_and_nobody_can_forge_it(proxy, settings, written):
    settings.CONFIG = SimpleNamespace(trusted_proxies=1)
    forged = {"X_Forwarded_For": "6.6.6.6", "X_Forwarded_Proto": "http", "X_Forwarded_Host": "evil.example"}
    status, _, answer = proxy.ask("GET", "/?q=1", Forwarded="for=6.6.6.6", X_Real_IP="6.6.6.6", **forged)
    assert status == 200
    given = answer["given"]
    assert address_of(SimpleNamespace(META=given)) == CALLER
    assert (given["HTTP_HOST"], given["QUERY_STRING"]) == (NAME, "q=1")
    assert given["HTTP_X_FORWARDED_PROTO"] == "https"
    assert "6.6.6.6" not in given["HTTP_X_FORWARDED_FOR"]
    assert not {"HTTP_FORWARDED", "HTTP_X_FORWARDED_HOST"} & set(given)
    wait_until(lambda: any(line.startswith(f'{CALLER} "GET / ') for line in written), what="the log's line")


@pytest.mark.parametrize("given", ["", "mine-1", "two words", "x" * 65, "a, b"])
def test_a_request_has_the_id_of_its_caller_or_a_new_one_and_the_proxys_log_says_it(proxy, given):
    _, _, answer = proxy.ask("GET", "/", **({"X_Request_ID": given} if given else {}))
    passed = answer["given"]["HTTP_X_REQUEST_ID"]
    assert GIVEN_ID.fullmatch(passed)
    assert (passed == given) is (given == "mine-1")
    wait_until(lambda: passed in proxy.log(), what="the proxy's line")


def test_of_two_ids_no_malformed_one_passes(proxy):
    with proxy.connect() as client:
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: sightline.example\r\nX-Request-ID: a\r\nX-Request-ID: b c\r\n"
            b"Connection: close\r\n\r\n"
        )
        head, _, body = read_all(client).partition(b"\r\n\r\n")
    assert status_of(head) == 200
    assert " " not in json.loads(body)["given"]["HTTP_X_REQUEST_ID"]


def test_an_upload_passes_up_to_the_limit_and_a_larger_one_is_refused(proxy):
    status, _, answer = proxy.ask("POST", "/import/", b"x" * LIMIT)
    assert (status, answer["bytes"]) == (200, LIMIT)
    assert proxy.ask("POST", "/import/", b"x" * (LIMIT + 1))[0] == 413
    chunks = iter([b"x" * 1000] * 3)
    status, _, answer = proxy.ask("POST", "/import/", chunks)  # of unknown length
    assert (status, answer["bytes"]) == (200, 3000)


def test_resumable_uploads_pass_with_their_headers(proxy):
    tus = {"Tus_Resumable": "1.0.0", "Upload_Offset": "5", "Content_Type": "application/offset+octet-stream"}
    status, headers, answer = proxy.ask("PATCH", "/api/v1/uploads/1/", b"piece", **tus)
    assert (status, answer["bytes"], answer["given"]["REQUEST_METHOD"]) == (200, 5, "PATCH")
    assert answer["given"]["HTTP_UPLOAD_OFFSET"] == "5"
    assert answer["given"]["CONTENT_TYPE"] == "application/offset+octet-stream"
    assert (headers["Upload-Offset"], headers["Location"]) == ("5", "/api/v1/uploads/1/")


def test_plain_http_is_sent_to_https(proxy):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=10)
    connection.request("POST", "/api/v1/search/?a=b", body=b"{}", headers={"Host": "evil.example"})
    answer = connection.getresponse()
    assert answer.status == 308  # another POST, with its body
    assert answer.headers["Location"] == f"https://{NAME}/api/v1/search/?a=b"
    connection.close()


def test_numbers_and_readiness_are_not_for_strangers(proxy):
    assert [proxy.ask("GET", path)[0] for path in ("/metrics", "/readyz", "/healthz")] == [404, 404, 200]


def test_whoever_sends_a_head_slowly_is_cut_off(proxy):
    with proxy.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: sightline.example\r\n")
        began = time.monotonic()
        found = read_all(client, silence=8)
    assert time.monotonic() - began < 6
    assert not found or status_of(found) == 408


def _trickling(proxy: Proxy) -> ssl.SSLSocket:
    client = proxy.connect()
    client.sendall(b"POST / HTTP/1.1\r\nHost: sightline.example\r\nContent-Length: 100000\r\n\r\nx")
    return client


def test_a_caller_whose_connections_are_many_is_refused_and_those_that_trickle_are_cut_off(proxy):
    with contextlib.ExitStack() as held:
        clients = [held.enter_context(_trickling(proxy)) for _ in range(CONNECTIONS)]
        time.sleep(0.1)
        assert proxy.ask("GET", "/")[0] == 429
        assert {status_of(client.recv(65536)) for client in clients} <= {408, 502}  # by Sightline behind
    until = time.monotonic() + 10
    while (status := proxy.ask("GET", "/")[0]) == 429 and time.monotonic() < until:
        time.sleep(0.05)  # it has not noticed the end of all of them yet
    assert status == 200
