"""The health of the index and of searches as numbers for `/metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from retrieval_site.health.gauges import Gauge
from search.monitoring.alerts import latest_drifts, latest_recalls
from search.monitoring.outcomes import outcomes_of_last_day
from search.monitoring.storage import tables_health

if TYPE_CHECKING:
    from collections.abc import Iterable

DIRECTION = ("model", "kind", "modality")
TABLE = ("model", "kind")


def health_gauges() -> Iterable[Gauge]:
    """Return the last measurements, what PostgreSQL says of the vector tables, and how yesterday's searches ended."""
    return [*_recalls(), *_drifts(), *_tables(), *_outcomes()]


def _recalls() -> Iterable[Gauge]:
    rows = {(row.version.key, row.kind, row.modality): row for row in latest_recalls()}
    each = rows.items()
    yield Gauge(
        "index_recall",
        "recall@10 of the index against an exact scan.",
        DIRECTION,
        {key: row.recall for key, row in each},
    )
    yield Gauge(
        "index_recall_low", "Lower end of its 95 % interval.", DIRECTION, {key: row.low for key, row in each}
    )
    yield Gauge(
        "index_recall_high",
        "Upper end of its 95 % interval.",
        DIRECTION,
        {key: row.high for key, row in each},
    )
    yield Gauge(
        "index_setting",
        "ef_search, or candidates of a binary index, when recall was measured.",
        DIRECTION,
        {key: row.setting for key, row in each},
    )
    yield Gauge(
        "index_measured_timestamp_seconds",
        "When recall was measured.",
        DIRECTION,
        {key: row.at.timestamp() for key, row in each},
    )
    yield Gauge("index_recall_target", "RECALL_TARGET.", (), {(): settings.CONFIG.recall_target})


def _drifts() -> Iterable[Gauge]:
    rows = {(row.version.key, row.kind, row.modality): row for row in latest_drifts()}
    each = rows.items()
    yield Gauge(
        "query_drift_psi",
        "Population stability index of last week's searches.",
        DIRECTION,
        {key: row.psi for key, row in each},
    )
    yield Gauge(
        "query_drift_psi_chance",
        "What the index stays below in 95 % of cases without drift.",
        DIRECTION,
        {key: row.chance for key, row in each},
    )


def _tables() -> Iterable[Gauge]:
    rows = {(table.model, table.kind): table for table in tables_health()}
    each = rows.items()
    yield Gauge(
        "vector_rows_live", "Live rows of a vector table.", TABLE, {key: row.live for key, row in each}
    )
    yield Gauge(
        "vector_rows_dead", "Dead rows of a vector table.", TABLE, {key: row.dead for key, row in each}
    )
    yield Gauge(
        "vector_table_bytes",
        "Size of a vector table without indexes.",
        TABLE,
        {key: row.table_bytes for key, row in each},
    )
    yield Gauge(
        "vector_index_bytes",
        "Size of a vector table's index of vectors.",
        TABLE,
        {key: row.index_bytes for key, row in each},
    )


def _outcomes() -> Iterable[Gauge]:
    day = outcomes_of_last_day()
    yield Gauge(
        "searches_last_day",
        "Searches of the last 24 hours by whether anything fits.",
        ("match",),
        {("good",): day.total - day.low - day.none, ("weak",): day.low, ("none",): day.none},
    )
