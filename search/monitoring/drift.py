"""Drift: whether the last week's searches are like those that the calibration was fitted to.

Without a calibration of their modality, they are compared with the four weeks before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_noop

from search.models import Calibration, DriftMeasurement
from search.monitoring.kept import kept_vectors
from search.relevance.shift import (
    CHANGED,
    SHIFTED,
    deciles,
    index_by_chance,
    stability_index,
    standardised,
)
from search.relevance.stored import fitted_of
from search.vectors.tables import VectorTable

if TYPE_CHECKING:
    from datetime import datetime

    from search.monitoring.kept import WatchedDirection

RECENT = timedelta(days=7)
EARLIER = timedelta(days=35)
QUERIES_MAX = 2000
QUERIES_MIN = 50
"""Searches of a week, and of the weeks before, below which chance alone reaches the bands."""


@dataclass(frozen=True)
class _Reference:
    edges: tuple[float, ...]
    queries: int
    source: str


def measure_drift(direction: WatchedDirection) -> DriftMeasurement | None:
    """Measure and keep how far a direction's searches drifted; None where there are too few, or no reference."""
    now = timezone.now()
    recent = _best_scores(direction, now - RECENT, None)
    if len(recent) < QUERIES_MIN:
        return None
    reference = _of_calibration(direction) or _of_earlier(direction, now)
    if reference is None:
        return None
    return DriftMeasurement.objects.create(
        **direction.key,
        psi=stability_index(reference.edges, recent),
        chance=index_by_chance(len(recent), reference.queries),
        queries=len(recent),
        reference=reference.source,
        reference_queries=reference.queries,
    )


def drift_in_words(measured: DriftMeasurement) -> str:
    """Return what an index means, by the usual bands; one that chance alone gives means nothing."""
    if measured.psi < max(CHANGED, measured.chance):
        return "stable"
    return gettext_noop("changed a little") if measured.psi < SHIFTED else gettext_noop("changed a lot")


def _of_calibration(direction: WatchedDirection) -> _Reference | None:
    row = Calibration.objects.filter(**direction.key, collection__isnull=True).first()
    fitted = fitted_of(row) if row else None
    if fitted is None or not fitted.reference:
        return None
    return _Reference(fitted.reference, fitted.queries, "calibration")


def _of_earlier(direction: WatchedDirection, now: datetime) -> _Reference | None:
    earlier = _best_scores(direction, now - EARLIER, now - RECENT)
    return _Reference(deciles(earlier), len(earlier), "earlier") if len(earlier) >= QUERIES_MIN else None


def _best_scores(direction: WatchedDirection, since: datetime, until: datetime | None) -> list[float]:
    """Return the standardised best score of each search of these days, of a sample where they are many."""
    table = VectorTable(direction.version.pk, direction.kind)
    return [
        standardised(direction.version, table, direction.modality, kept.vectors, kept.best)
        for kept in kept_vectors(direction, QUERIES_MAX, since=since, until=until)
        if kept.best is not None
    ]
