"""A collector of traces: takes OTLP over HTTP, as every real one does, and keeps the spans."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Collected:
    """A span as it came; `whole` is all that was sent of it, as text."""

    name: str
    trace: str
    id: str
    parent: str
    about: dict[str, Any]
    seconds: float
    whole: str


@dataclass
class Collector:
    """Where it listens, and the spans so far."""

    endpoint: str = ""
    spans: list[Collected] = field(default_factory=list)

    def named(self, name: str) -> Collected:
        """The one span of a name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def take(self, body: bytes) -> None:
        """Keep the spans of a message."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans += [_collected(span) for span in scope.spans]


def _collected(span: Any) -> Collected:
    about = {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}
    seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
    ids = (each.hex() for each in (span.trace_id, span.span_id, span.parent_span_id))
    return Collected(span.name, *ids, about, seconds, str(span))


@contextmanager
def collector_running(port: int = 0) -> Iterator[Collector]:
    """Start one and stop it at the end."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    collector.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
