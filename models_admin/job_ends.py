"""A version whose job ended without its handler: no version stays "validating" or "preparing" with nobody at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.job_types import GET_MODEL, LEARN, PREPARE, VALIDATE, VersionParameters
from models_admin.models import ModelVersion, VersionState

if TYPE_CHECKING:
    from workers.jobs.types import JobType
    from workers.models import Job

_BY_THE_BUNDLE = ("job.memory", "job.lost")
"""Ends that the bundle itself caused, as far as anybody can tell."""


def validation_ended(job: Job) -> None:
    """Refuse the version whose bundle took too much or killed its process; any other can be validated again."""
    _move(VALIDATE, job, VersionState.VALIDATING, _after_validation(job))


def getting_ended(job: Job) -> None:
    """Let the version that a job got, and did not validate to the end, be validated by a job of its own."""
    got = GET_MODEL.result_of(job).version or 0
    found = ModelVersion.objects.filter(pk=got, state=VersionState.VALIDATING)
    refused = job.error_id in _BY_THE_BUNDLE
    found.update(
        state=VersionState.REFUSED if refused else VersionState.UPLOADED,
        error_id=job.error_id,
        error=job.error,
    )


def preparation_ended(job: Job) -> None:
    """Let the version be valid again; the vectors that are stored stay, and preparing goes on from them."""
    _move(PREPARE, job, VersionState.PREPARING, VersionState.VALID)


def learning_ended(job: Job) -> None:
    """Leave the version that it made as its own validation or preparation would."""
    new = LEARN.result_of(job).new_id
    if new is None:
        return
    _left(new, job, VersionState.VALIDATING, _after_validation(job))
    _left(new, job, VersionState.PREPARING, VersionState.VALID)


def _after_validation(job: Job) -> VersionState:
    return VersionState.REFUSED if job.error_id in _BY_THE_BUNDLE else VersionState.UPLOADED


def _move(
    job_type: JobType[VersionParameters, Any], job: Job, left_in: VersionState, to: VersionState
) -> None:
    asked = job_type.find_parameters(job)
    if asked is not None:
        _left(asked.version, job, left_in, to)


def _left(version_id: int, job: Job, left_in: VersionState, to: VersionState) -> None:
    found = ModelVersion.objects.filter(pk=version_id, state=left_in)
    found.update(state=to, error_id=job.error_id, error=job.error)
