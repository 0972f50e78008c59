"""What ties the work of several processes to one request: its id, always; spans of OpenTelemetry, where they are on.

The id goes from the web with each question to a query worker and with each job's message, so that the log lines of all
of them have it. Spans (of requests, stages of searches, questions and jobs) are off unless
`OTEL_EXPORTER_OTLP_ENDPOINT` is set: then nothing of OpenTelemetry is imported here. No span holds what somebody asked,
sent or is called: names, counts, ids, times.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.sdk.trace import TracerProvider

    from retrieval_site.clock import Clock

NO_REQUEST = "-"
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)
"""The id of the request that is answered now; of a job, of the one that asked for it."""
_REQUEST_ID = "request_id"
_ATTRIBUTE = "sightline.request_id"
_FLUSH_MS = 2000
_NOTHING: AbstractContextManager[None] = nullcontext()
Value = str | int | float | bool


def is_on() -> bool:
    """Return whether spans are made."""
    return bool(settings.CONFIG.traces_endpoint)


def span(
    name: str, parent: Mapping[str, str] | None = None, **attributes: Value
) -> AbstractContextManager[Any]:
    """Return a context that is a span; with `parent`, what `carried` gave elsewhere, it belongs there.

    So do the log lines within, whether traces are on or not. The context's value takes `set_attribute`, and is None
    where they are off.
    """
    if is_on():
        return _span(name, parent, attributes)
    return asked_by(request_of(parent)) if parent else _NOTHING


def request_of(parent: Mapping[str, str] | None) -> str:
    """Return the id of the request that `carried` gave elsewhere; the current one's where it gave none."""
    return (parent or {}).get(_REQUEST_ID) or REQUEST_ID.get()


def current_request() -> str:
    """Return the id of the request that is answered now, or that asked for this work; "" where there is none."""
    asked = REQUEST_ID.get()
    return "" if asked == NO_REQUEST else asked


@contextmanager
def asked_by(request_id: str) -> Iterator[None]:
    """Have the log lines of this block, and what it asks of other processes, belong to a request."""
    token = REQUEST_ID.set(request_id)
    try:
        yield
    finally:
        REQUEST_ID.reset(token)


def carried() -> dict[str, str]:
    """Return what another process needs so that its log lines and spans belong to the current request.

    Outside of one that is nothing, unless traces are on.
    """
    asked = current_request()
    of_request = {_REQUEST_ID: asked} if asked else {}
    if not is_on():
        return of_request
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    return headers | of_request


def laps_trace(clock: Clock, prefix: str) -> None:
    """Make a span of each lap of a clock, within the current span: they followed each other and have ended."""
    if not is_on():
        return
    start, tracer = time.time_ns() - int(clock.age_seconds * 1e9), _tracer()
    about = {_ATTRIBUTE: REQUEST_ID.get()}
    for name, milliseconds in clock.laps_ms.items():
        end = start + int(milliseconds * 1e6)
        tracer.start_span(f"{prefix} {name}", attributes=about, start_time=start).end(end)
        start = end


def flush() -> None:
    """Send what waits, before this process ends or rests; two seconds at most."""
    if is_on() and _provider.cache_info().currsize:
        _provider().force_flush(_FLUSH_MS)


@contextmanager
def _span(name: str, parent: Mapping[str, str] | None, attributes: dict[str, Value]) -> Iterator[Any]:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract(parent) if parent else None
    given = request_of(parent)
    started = _tracer().start_as_current_span(
        name,
        context=context,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    )
    with asked_by(given), started as current:
        current.set_attribute(_ATTRIBUTE, given)
        with _failures_named(current):
            yield current


@contextmanager
def _failures_named(current: Any) -> Iterator[None]:
    """Note the kind of an exception that ends a span, not its words: those may be what somebody asked."""
    from opentelemetry.trace import StatusCode

    try:
        yield
    except Exception as error:
        current.set_status(StatusCode.ERROR)
        current.set_attribute("error.type", type(error).__name__)
        raise


def _tracer() -> Any:
    return _provider().get_tracer("sightline")


@cache
def _provider() -> TracerProvider:
    """Return what sends this process's spans in batches; its own variables (`OTEL_…`) say more of how."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise AppError("server.tracing_library") from error
    name = os.environ.get("OTEL_SERVICE_NAME") or "sightline"
    about: dict[str, Any] = {
        "service.name": name,
        "process.pid": os.getpid(),
        "process.command": Path(sys.argv[0]).name,
    }
    provider = TracerProvider(resource=Resource.create(about))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class TracingMiddleware:
    """Makes a span of each request; only among the middleware where traces are on. Stands behind the request's id.

    Who asks is believed to be a part of a trace only behind a proxy of ours. The address is told by its pattern: parts
    of it can be secrets.
    """

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        given = request.headers.get("traceparent") if settings.CONFIG.trusted_proxies else None
        with span(request.method, {"traceparent": given} if given else None) as current:
            current.set_attribute("http.request.method", request.method)
            response = self.get_response(request)
            route = request.resolver_match.route if request.resolver_match else "no such address"
            current.update_name(f"{request.method} /{route}")
            current.set_attribute("http.route", f"/{route}")
            current.set_attribute("http.response.status_code", response.status_code)
        return response
