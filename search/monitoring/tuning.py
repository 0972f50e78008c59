"""How many candidates an index of short codes needs: by measured recall, for each table anew.

Codes alone say little, so the vectors of many candidates are compared, and how many depends on the table: of 70,000
vectors 400 by their signs are enough, of a million they are not. It is measured when the index was built, with stored
vectors as questions, and every day with what people searched for, which lies farther from the stored ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from psycopg import sql

from retrieval_site.database.reading import connection
from search.models import SearchSetting
from search.monitoring.recall import (
    DEFAULTS,
    LADDERS,
    AskedVector,
    RecallTrial,
    queries_max,
    table_rows,
    whole_table,
)
from search.services.search_settings import search_setting_apply, search_setting_replace
from search.vectors.index import index_state
from search.vectors.read import from_binary, receive_binary
from search.vectors.sharded.layout import parts_of
from search.vectors.tables import CODED, VectorTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from models_admin.models import ModelVersion
    from search.models import RecallMeasurement

ROWS_MIN = 20_000
"""A smaller table's default finds all: it is a good part of the rows, or an exact scan is cheaper."""
QUESTIONS_MAX = 50
_OVERSAMPLING = 20

# Whole pages are read, and few rows of each taken: neighbours on a page often belong to one document.
_SAMPLE = sql.SQL("""
    SELECT document_id, embedding FROM {table} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (0)
    ORDER BY hashint8(unit_id) LIMIT {rows}
""")


def candidates_choose(version: ModelVersion, kind: str, checkpoint: Callable[[], None]) -> int | None:
    """Measure how many candidates this table's index of short codes needs, and search with so many from then on.

    Stored vectors ask for their neighbours in other documents. Returns the smallest number that reaches the target,
    else the largest that goes by the index; None where there is no such index, or the table is so small that the
    default is right, or lies on several servers, whose rows cannot be sampled from here. A setting that somebody
    applied to one modality stays.
    """
    table = VectorTable(version.pk, kind)
    index = index_state(version, kind).kind
    if index is None or index not in CODED or table_rows(table) < ROWS_MIN or parts_of(table):
        return None
    asked = _questions(version, table)
    if not asked:
        return None
    settings_tried = [tried for tried in LADDERS[index] if tried >= DEFAULTS[index]]
    trial = RecallTrial.of(index, asked, checkpoint)
    climbed = list(trial.climbed(settings_tried, settings.CONFIG.recall_target, checkpoint))
    if not climbed:
        return None
    chosen, _ = climbed[-1]
    search_setting_replace(version=version, kind=kind, index=index, value=chosen)
    return chosen


def _questions(version: ModelVersion, table: VectorTable) -> list[AskedVector]:
    """Return stored vectors as questions; each one's own document does not count."""
    most, scope = min(QUESTIONS_MAX, queries_max(table)), whole_table(table)
    if not scope.collections:
        return []
    percent = min(100.0, 100.0 * _OVERSAMPLING * most / table_rows(table))
    statement = _SAMPLE.format(table=table.identifier, percent=sql.Literal(percent), rows=sql.Literal(most))
    with connection.cursor() as cursor:
        receive_binary(cursor)
        cursor.execute(statement)
        rows = cursor.fetchall()
    vectors = from_binary((row[1] for row in rows), version.dim)
    return [
        AskedVector(replace(scope, excluded=frozenset({document})), np.asarray(vector, dtype=np.float32))
        for (document, _), vector in zip(rows, vectors, strict=True)
    ]


def candidates_follow(measurement: RecallMeasurement) -> SearchSetting | None:
    """Search an index of short codes with what people's searches are measured to need for the target, or come closest.

    Only ever more candidates, and not where somebody has applied or undone a setting of this direction: that is theirs,
    and the page offers it. Returns what was applied.
    """
    is_reached = measurement.recall >= measurement.target
    if measurement.index not in CODED or is_reached or (measurement.best_setting or 0) <= measurement.setting:
        return None
    direction = {name: getattr(measurement, name) for name in ("version", "kind", "modality", "index")}
    latest = SearchSetting.objects.filter(**direction).order_by("-at", "-pk").first()
    if latest and (latest.by_id or latest.undone_at):
        return None
    return search_setting_apply(measurement=measurement)
