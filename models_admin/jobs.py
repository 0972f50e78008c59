"""The job types of the registry: validating an uploaded bundle, getting a published model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.base import File
from django.db import InterfaceError, OperationalError

from models_admin.files import blob_on_disk
from models_admin.job_types import (
    GET_MODEL,
    MAKE_STARTER,
    VALIDATE,
    GetModelParameters,
    GetModelResult,
    StarterParameters,
    StarterResult,
    ValidateResult,
    VersionParameters,
)
from models_admin.models import ModelVersion, VersionState
from models_admin.services import version_move, version_prepare
from retrieval_site.errors import AppError
from workers.inference.errors import BundleError
from workers.jobs.errors import JobCancelled, JobStopped
from workers.jobs.registry import job_handler
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.inference.validation import ValidationReport
    from workers.jobs.context import JobContext, JobRun

_ENDED = (VersionState.PREPARING, VersionState.READY, VersionState.RETIRED)


@job_handler(VALIDATE)
def run_validate(run: JobRun[VersionParameters, ValidateResult]) -> ValidateResult:
    """Validate a version's bundle in the guarded child process; a bad one is refused with its first reason."""
    version = ModelVersion.objects.filter(pk=run.parameters.version).select_related("bundle").first()
    if version is None:
        raise AppError("model.not_found/deleted")
    validate_version(version, run)
    return ValidateResult(state=version.state)


def validate_version(version: ModelVersion, ctx: JobContext) -> None:
    """Let a version become valid with its manifest, dimension and measurements, or refused with id and sentence.

    When this program itself fails it is neither: it is as uploaded and can be validated again. One that has passed
    stays as it is. Raises BundleError.
    """
    if version.state in _ENDED:
        return
    version_move(version, VersionState.VALIDATING, error_id="", error="")
    try:
        _validate(version, ctx)
    except BundleError as refusal:
        version_move(version, VersionState.REFUSED, error_id=refusal.id, error=refusal.message)
        raise
    except (JobStopped, OperationalError, InterfaceError) as stop:
        if isinstance(stop, JobCancelled):
            version_move(version, VersionState.UPLOADED)
        raise
    except Exception:
        version_move(version, VersionState.UPLOADED)
        raise


def _validate(version: ModelVersion, ctx: JobContext) -> None:
    from workers.inference.validation import ValidationLimits, validate_bundle

    limits = ValidationLimits(allow_unwalled=settings.CONFIG.allow_unwalled)
    with blob_on_disk(version.bundle) as path, tempfile.TemporaryDirectory(prefix="sightline-") as room:
        converted = Path(room) / "converted.zip"
        report = validate_bundle(path, limits=limits, progress=StageProgress(ctx), converted_to=converted)
        _register(version, report)


def _register(version: ModelVersion, report: ValidationReport) -> None:
    """Keep what validation found; a converted bundle becomes the one that is served."""
    served = None
    if report.converted:
        with report.bundle.open("rb") as file:
            served = blob_store(File(file, name=str(report.bundle)), "application/zip")
    version_move(
        version,
        VersionState.VALID,
        manifest=report.manifest.to_json(),
        dim=report.manifest.dim,
        similarity=report.manifest.similarity,
        report=report.to_json(),
        served=served,
    )


@job_handler(GET_MODEL)
def run_get_model(run: JobRun[GetModelParameters, GetModelResult]) -> None:
    """Fetch a model of the catalogue, make a bundle of it, validate it, and have it prepared beside the running one.

    A run after a kill goes on with what came: files in part, files, the stored version.
    """
    from models_admin.getting import version_got

    _stored_then_prepared(run, version_got)


@job_handler(MAKE_STARTER)
def run_make_starter(run: JobRun[StarterParameters, StarterResult]) -> None:
    """Make the starter of its two packages, validate it, and have it prepared beside the running model."""
    from models_admin.starter import starter_made

    _stored_then_prepared(run, starter_made)


def _stored_then_prepared(run: JobRun[Any, Any], store: Callable[[JobRun[Any, Any]], ModelVersion]) -> None:
    version = ModelVersion.objects.filter(pk=run.result.version or 0).select_related("bundle").first()
    if version is None:
        version = store(run)
        run.remember(version=version.pk)
    if version.state not in (*_ENDED, VersionState.VALID):
        validate_version(version, run)
    run.remember(state=version.state)
    version_prepare(version=version, by=run.job.owner)


class StageProgress:
    """Shows a guarded child's stages on the job, and stops it where somebody asked for that."""

    def __init__(self, ctx: JobContext) -> None:
        self._ctx = ctx
        self._stage = ""

    def __call__(self, stage: str) -> None:
        if stage != self._stage:
            self._ctx.stage(stage)
            self._stage = stage
        else:
            self._ctx.checkpoint()
