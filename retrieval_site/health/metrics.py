"""What Prometheus reads: requests by endpoint and status, their time, waiting messages, workers there."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from django.conf import settings
from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from redis import RedisError

from retrieval_site.health.broker import broker, queue_length
from retrieval_site.health.gauges import gauges
from workers.encoding import wire
from workers.encoding.client import workers_alive
from workers.jobs.enqueue import QUEUE
from workers.reading.wire import ASKED_KEY as READ_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.http import HttpRequest
    from prometheus_client.metrics_core import Metric

    from workers.encoding.wire import Beat

QUEUES = {  # the list in Redis that each is
    "query": wire.ASKED_KEY,
    "beside": wire.BESIDE_KEY,
    "fetch": wire.FETCH_KEY,
    "explain": wire.EXPLAIN_KEY,
    "read": READ_KEY,
    "bulk": QUEUE,
}
UNMATCHED = "(none)"  # one label for every address that does not exist, or a scanner would fill the memory
STATIC = "(static)"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Steps around the target of 45 ms for a photo, up to an upload that takes half a minute.
_STEPS_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

requests_total = Counter("sightline_requests", "Requests answered.", ["endpoint", "method", "status"])
request_seconds = Histogram(
    "sightline_request_seconds", "Time to answer a request.", ["endpoint"], buckets=_STEPS_SECONDS
)


def note_request(request: HttpRequest, status: int, seconds: float) -> None:
    """Count one answered request under its route (`api/v1/documents/<int:pk>/`), never under its address."""
    endpoint = _endpoint(request)
    method = request.method if request.method in _METHODS else "OTHER"
    requests_total.labels(endpoint, method, str(status)).inc()
    request_seconds.labels(endpoint).observe(seconds)


def _endpoint(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is not None:
        return match.route or "/"
    return STATIC if request.path.startswith(f"/{settings.STATIC_URL.lstrip('/')}") else UNMATCHED


class BrokerCollector(Collector):
    """Asks Redis at the time of the scrape; says nothing rather than something stale when it is away."""

    def collect(self) -> Iterable[Metric]:
        """Yield the queues' lengths, the number of query workers, and what each of them says of itself."""
        waiting = GaugeMetricFamily("sightline_queue_messages", "Messages that wait.", labels=["queue"])
        workers = GaugeMetricFamily("sightline_query_workers", "Query workers that answer.")
        try:
            for queue, key in QUEUES.items():
                waiting.add_metric([queue], queue_length(key))
            beats = workers_alive(broker())
        except RedisError:
            return
        workers.add_metric([], len(beats))
        yield waiting
        yield workers
        yield from _of_workers(beats)

    def describe(self) -> Iterable[Metric]:
        """Name nothing at registration, when there may be no Redis yet."""
        return ()


def _of_workers(beats: Mapping[str, Beat]) -> Iterable[Metric]:
    """Yield how many batches each query worker ran, with how many items, and how many versions it holds."""
    label = ["worker"]
    batches = CounterMetricFamily(
        "sightline_encoder_batches", "Batches that encoders ran for searches.", labels=label
    )
    items = CounterMetricFamily("sightline_encoder_items", "Photos and texts in these batches.", labels=label)
    loaded = GaugeMetricFamily(
        "sightline_encoder_versions", "Versions in a query worker's memory.", labels=label
    )
    for key, beat in beats.items():
        worker = [key.removeprefix(wire.HEARTBEAT_PREFIX)]
        batches.add_metric(worker, beat.calls)
        items.add_metric(worker, beat.items)
        loaded.add_metric(worker, len(beat.loaded))
    return [batches, items, loaded]


class DiskCollector(Collector):
    """Measures the disk that holds the data folder, whatever else does not answer."""

    def collect(self) -> Iterable[Metric]:
        """Yield its size and what is free of it; nothing where the folder cannot be reached."""
        try:
            disk = shutil.disk_usage(settings.DATA_DIR)
        except OSError:
            return
        yield GaugeMetricFamily("sightline_disk_bytes", "Size of the disk that holds DATA_DIR.", disk.total)
        yield GaugeMetricFamily("sightline_disk_free_bytes", "What is free of it.", disk.free)

    def describe(self) -> Iterable[Metric]:
        """Name nothing at registration, when there may be no folder yet."""
        return ()


class InstallationCollector(Collector):
    """Gives what the apps know of the whole installation; every process of it says the same."""

    def collect(self) -> Iterable[Metric]:
        """Yield each gauge under its name with our prefix."""
        for gauge in gauges():
            kind = CounterMetricFamily if gauge.grows else GaugeMetricFamily
            family = kind(f"sightline_{gauge.name}", gauge.meaning, labels=gauge.labels)
            for labels, value in gauge.values.items():
                family.add_metric(labels, value)
            yield family

    def describe(self) -> Iterable[Metric]:
        """Name nothing at registration, when there may be no database yet."""
        return ()


REGISTRY.register(BrokerCollector())
REGISTRY.register(DiskCollector())
REGISTRY.register(InstallationCollector())
