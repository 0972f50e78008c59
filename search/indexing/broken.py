"""Units that a version cannot encode: kept as failed items of the job that met them, skipped until retried."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from search.units.registry import unit_kind
from workers.models import JobItem

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from models_admin.models import ModelVersion
    from search.units.kind import UnitFailure
    from workers.jobs.context import JobContext


PASSING = frozenset({"image.memory", "encoder.memory"})
"""Failures that may be the machine's and not the unit's: it is tried again by other jobs, a few times."""
TRIES = 3
APART = timedelta(minutes=10)
"""The first and the last of these tries are at least so far apart, so that no short want of memory counts for good."""


def broken_units(version: ModelVersion, kind: str, job_id: UUID | None = None) -> set[int]:
    """Return the ids of the version's units that are recorded as failed and still exist.

    What may pass counts where the job `job_id`, the one that runs, recorded it, or `TRIES` jobs over some time did.
    """
    rows = JobItem.objects.filter(payload__version=version.pk, payload__kind=kind)
    for_good = rows.exclude(error_id__in=PASSING) | rows.filter(job=job_id)
    recorded = {unit for unit in for_good.values_list("payload__unit", flat=True) if isinstance(unit, int)}
    recorded |= _failed_often(rows.filter(error_id__in=PASSING))
    return set(unit_kind(kind).rows.filter(pk__in=recorded).values_list("pk", flat=True))


def _failed_often(rows: QuerySet[JobItem]) -> set[int]:
    times: defaultdict[int, list[datetime]] = defaultdict(list)
    for unit, at in rows.values_list("payload__unit", "created_at"):
        times[unit].append(at)
    return {unit for unit, tries in times.items() if len(tries) >= TRIES and max(tries) - min(tries) >= APART}


def record_broken(ctx: JobContext, version: ModelVersion, kind: str, failure: UnitFailure) -> None:
    """Keep a unit that cannot be encoded as a failed item of this job."""
    payload = {"version": version.pk, "kind": kind, "unit": failure.unit_id}
    ctx.item_failed(f"{version}: {kind} {failure.unit_id}", failure.error_id, failure.reason, payload)


def forget_broken(ctx: JobContext) -> None:
    """Let this job try again what it recorded as broken."""
    ctx.job.items.filter(payload__has_key="unit").delete()
