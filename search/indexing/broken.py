"""Units that a version cannot encode: kept as failed items of the job that met them, skipped until retried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.models import DocumentImage, Passage
from workers.models import JobItem

if TYPE_CHECKING:
    from models_admin.models import ModelVersion
    from search.indexing.units import Failure
    from search.vectors.tables import UnitKind
    from workers.jobs.context import JobContext


def broken_units(version: ModelVersion, kind: UnitKind) -> set[int]:
    """Return the ids of the version's units that are recorded as failed and still exist."""
    rows = JobItem.objects.filter(payload__version=version.pk, payload__kind=kind)
    recorded = [unit for unit in rows.values_list("payload__unit", flat=True) if isinstance(unit, int)]
    units = Passage.objects if kind == "passage" else DocumentImage.objects
    return set(units.filter(pk__in=recorded).values_list("pk", flat=True))


def record_broken(ctx: JobContext, version: ModelVersion, kind: UnitKind, failure: Failure) -> None:
    """Keep a unit that cannot be encoded as a failed item of this job."""
    payload = {"version": version.pk, "kind": kind, "unit": failure.unit_id}
    ctx.item_failed(f"{version}: {kind} {failure.unit_id}", failure.error_id, failure.reason, payload)


def forget_broken(ctx: JobContext) -> None:
    """Let this job try again what it recorded as broken."""
    ctx.job.items.filter(payload__has_key="unit").delete()
