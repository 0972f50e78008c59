"""A web server of this machine that answers as a test says, with or without TLS, and remembers what it was asked."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Posted:
    """What somebody sent."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class PictureServer:
    """`routes` says what is answered by path; `asked` holds each GET's path and headers, `posted` each POST."""

    routes: dict[str, Callable[[BaseHTTPRequestHandler], None]]
    port: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)


def sends(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer with this body; `Content_Type` is the header `Content-Type`."""

    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return respond


def redirects(location: str, status: int = 302) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer that it is elsewhere."""
    return sends(b"", status, Location=location)


@contextmanager
def served(
    routes: dict[str, Callable[[BaseHTTPRequestHandler], None]],
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> Iterator[PictureServer]:
    """Serve on 127.0.0.1 during the block, at any free port unless one is named."""
    about = PictureServer(routes)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            about.asked.append((self.path, dict(self.headers)))
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            about.posted.append(Posted(self.path, dict(self.headers), body))
            self._answer()

        def _answer(self) -> None:
            try:
                about.routes.get(self.path, sends(b"nothing here", 404))(self)
            except OSError:  # the one who asked has heard enough
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    about.port = server.server_address[1]
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield about
    finally:
        server.shutdown()
        server.server_close()


def certified(folder: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """Return a server's context with a certificate of its own for these names, and the file by which it is trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / "trusted.pem", folder / "private.pem"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
