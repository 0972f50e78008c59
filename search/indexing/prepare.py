"""Preparing a version beside the running one: tables, vectors, indexes, verification; all of it dropped on error."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError

from models_admin.job_types import Covered
from models_admin.models import ModelVersion, VersionState
from models_admin.services import version_move
from retrieval_site.errors import AppError
from search.indexing.broken import broken_units
from search.indexing.dropped import passed_over_once_dropped
from search.indexing.encode import encode_missing
from search.vectors.coverage import coverage
from search.vectors.sharded.waiting import waiting_for_shards
from search.vectors.tables import table_create, table_drop
from workers.jobs.errors import JobCancelled, JobStopped

if TYPE_CHECKING:
    from uuid import UUID

    from workers.jobs.context import JobContext

_ALLOWED = (VersionState.VALID, VersionState.PREPARING, VersionState.RETIRED, VersionState.SET_ASIDE)


def prepare(version: ModelVersion, ctx: JobContext) -> dict[str, Covered]:
    """Make every vector of a version and let it be ready; catch up a version that is ready already.

    A run that is paused, deferred, killed or that lost its database leaves everything for the next one. Any other
    error, and cancelling, drops the new tables. Returns the coverage, which says what is missing.
    """
    if version.state == VersionState.READY:
        return _caught_up(version, ctx)
    if version.state not in _ALLOWED:
        raise AppError("version.wrong_state", model=version.key, state=str(version.state), action="prepared")
    version_move(version, VersionState.PREPARING, deaths=[], error_id="", error="")
    try:
        _build(version, ctx)
    except JobCancelled:
        _drop(version)
        raise
    except (JobStopped, OperationalError, InterfaceError):
        raise
    except Exception:
        _drop(version)
        raise
    # Documents that came while the last pass ran were not yet this version's business; from here on they are.
    version_move(version, VersionState.READY)
    return _caught_up(version, ctx)


def _caught_up(version: ModelVersion, ctx: JobContext) -> dict[str, Covered]:
    with passed_over_once_dropped(version):
        encode_missing(version, ctx)
        with waiting_for_shards():
            return coverage_report(version)
    now = ModelVersion.objects.filter(pk=version.pk).first()
    if now is None:
        raise AppError("model.not_found/deleted")
    raise AppError("version.wrong_state", model=now.key, state=str(now.state), action="prepared")


def _build(version: ModelVersion, ctx: JobContext) -> None:
    table_create(version)
    encode_missing(version, ctx)
    ctx.stage("verify")
    with waiting_for_shards():
        report = coverage_report(version, ctx.job.pk)
    for kind, counts in report.items():
        if 2 * counts.broken > counts.total:
            raise AppError("version.cannot_encode", model=version.key, kind=kind, **asdict(counts))


def _drop(version: ModelVersion) -> None:
    table_drop(version)
    version_move(version, VersionState.VALID)


def coverage_report(version: ModelVersion, job_id: UUID | None = None) -> dict[str, Covered]:
    """Return by kind of unit how many there are, have a vector, cannot be encoded, and are still missing.

    What the job `job_id` could not encode counts as such, even where another one may.
    """
    report = {}
    for kind, found in coverage(version).items():
        broken = len(broken_units(version, kind, job_id)) if found.missing else 0
        report[str(kind)] = Covered(
            total=found.total, stored=found.stored, broken=broken, missing=max(0, found.missing - broken)
        )
    return report
