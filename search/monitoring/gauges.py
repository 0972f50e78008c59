"""The health of the index and of searches as numbers for `/metrics`."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from retrieval_site.database.vector_servers import servers_standing
from retrieval_site.health.gauges import Gauge
from search.models import AuditEntry
from search.monitoring.alerts import drifts_now, recalls_now
from search.monitoring.outcomes import outcomes_of_last_day
from search.monitoring.storage import tables_health
from search.vectors.sharded.layout import away_look, away_names
from search.vectors.sharded.servers import shards

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from search.models import DriftMeasurement, RecallMeasurement

DIRECTION = ("model", "kind", "modality")
TABLE = ("model", "kind")


class _MeasuredColumn(NamedTuple):
    """A gauge's name, what it says, and its value of a row."""

    name: str
    says: str
    value: Callable[[Any], float | None]


_RECALLS = (
    _MeasuredColumn("index_recall", "recall@10 of the index against an exact scan.", attrgetter("recall")),
    _MeasuredColumn("index_recall_low", "Lower end of its 95 % interval.", attrgetter("low")),
    _MeasuredColumn("index_recall_high", "Upper end of its 95 % interval.", attrgetter("high")),
    _MeasuredColumn(
        "index_setting",
        "ef_search, or candidates of an index of short codes, when recall was measured.",
        attrgetter("setting"),
    ),
    _MeasuredColumn(
        "index_setting_needed",
        "The smallest setting that reached RECALL_TARGET then; absent where none did.",
        attrgetter("smallest"),
    ),
    _MeasuredColumn(
        "index_measured_timestamp_seconds", "When recall was measured.", lambda row: row.at.timestamp()
    ),
)
_DRIFTS = (
    _MeasuredColumn(
        "query_drift_psi", "Population stability index of last week's searches.", attrgetter("psi")
    ),
    _MeasuredColumn(
        "query_drift_psi_chance",
        "What the index stays below in 95 % of cases without drift.",
        attrgetter("chance"),
    ),
)
_TABLES = (
    _MeasuredColumn("vector_rows_live", "Live rows of a vector table.", attrgetter("live")),
    _MeasuredColumn("vector_rows_dead", "Dead rows of a vector table.", attrgetter("dead")),
    _MeasuredColumn(
        "vector_table_bytes", "Size of a vector table without indexes.", attrgetter("table_bytes")
    ),
    _MeasuredColumn(
        "vector_index_bytes", "Size of a vector table's index of vectors.", attrgetter("index_bytes")
    ),
)


def health_gauges() -> Iterable[Gauge]:
    """Return the last measurements, what PostgreSQL says of the vector tables, and how yesterday's searches ended.

    And when a backup was made, by the audit log: 0 where none is noted.
    """
    servers = list(_shards())  # first, so that no table's numbers are asked of one that is away
    return [*servers, *_recalls(), *_drifts(), *_tables(), *_outcomes(), _backup()]


def _shards() -> Iterable[Gauge]:
    """Yield how many servers of vectors there are and how many answer; no values where there are none."""
    values: list[dict[tuple[str, ...], float]] = [{}, {}]
    if named := {shard.name for shard in shards()}:
        away_look(DEFAULT_DB_ALIAS)
        there = named & set(servers_standing(DEFAULT_DB_ALIAS)) - away_names()
        values = [{(): float(len(named))}, {(): float(len(there))}]
    yield Gauge("vector_shards", "Servers of vectors that VECTOR_SHARDS names.", (), values[0])
    yield Gauge("vector_shards_answering", "Those of them that the database reaches.", (), values[1])


def _backup() -> Gauge:
    latest = AuditEntry.objects.filter(action="backup.made").first()
    made = latest.at.timestamp() if latest else 0.0
    return Gauge("backup_timestamp_seconds", "When the latest backup was made; 0 for never.", (), {(): made})


def _recalls() -> Iterable[Gauge]:
    yield from _of_each(_RECALLS, DIRECTION, {_direction(row): row for row in recalls_now()})
    yield Gauge("index_recall_target", "RECALL_TARGET.", (), {(): settings.CONFIG.recall_target})


def _drifts() -> Iterable[Gauge]:
    return _of_each(_DRIFTS, DIRECTION, {_direction(row): row for row in drifts_now()})


def _tables() -> Iterable[Gauge]:
    return _of_each(_TABLES, TABLE, {(table.model, table.kind): table for table in tables_health()})


def _of_each(
    columns: Sequence[_MeasuredColumn], labels: tuple[str, ...], rows: Mapping[tuple[str, ...], Any]
) -> Iterable[Gauge]:
    """Yield a gauge for each column, with its value of each row that has one."""
    for column in columns:
        values = {key: column.value(row) for key, row in rows.items()}
        known = {key: value for key, value in values.items() if value is not None}
        yield Gauge(column.name, column.says, labels, known)


def _direction(row: RecallMeasurement | DriftMeasurement) -> tuple[str, ...]:
    return (row.version.key, row.kind, row.modality)


def _outcomes() -> Iterable[Gauge]:
    day = outcomes_of_last_day()
    yield Gauge(
        "searches_last_day",
        "Searches of the last 24 hours by whether anything fits.",
        ("match",),
        {("good",): day.total - day.low - day.none, ("weak",): day.low, ("none",): day.none},
    )
    yield Gauge("searches_no_match_limit", "NO_MATCH_ALERT.", (), {(): settings.CONFIG.no_match_alert})
    limit = settings.CONFIG.low_confidence_alert
    yield Gauge("searches_low_confidence_limit", "LOW_CONFIDENCE_ALERT.", (), {(): limit})
