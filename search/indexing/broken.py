"""Units that a version cannot encode: kept as failed items of the job that met them, skipped until retried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.units.registry import unit_kind
from workers.models import JobItem

if TYPE_CHECKING:
    from models_admin.models import ModelVersion
    from search.units.kind import UnitFailure
    from workers.jobs.context import JobContext


def broken_units(version: ModelVersion, kind: str) -> set[int]:
    """Return the ids of the version's units that are recorded as failed and still exist."""
    rows = JobItem.objects.filter(payload__version=version.pk, payload__kind=kind)
    recorded = [unit for unit in rows.values_list("payload__unit", flat=True) if isinstance(unit, int)]
    return set(unit_kind(kind).rows.filter(pk__in=recorded).values_list("pk", flat=True))


def record_broken(ctx: JobContext, version: ModelVersion, kind: str, failure: UnitFailure) -> None:
    """Keep a unit that cannot be encoded as a failed item of this job."""
    payload = {"version": version.pk, "kind": kind, "unit": failure.unit_id}
    ctx.item_failed(f"{version}: {kind} {failure.unit_id}", failure.error_id, failure.reason, payload)


def forget_broken(ctx: JobContext) -> None:
    """Let this job try again what it recorded as broken."""
    ctx.job.items.filter(payload__has_key="unit").delete()
