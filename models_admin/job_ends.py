"""A version whose job ended without its handler: no version stays "validating" or "preparing" with nobody at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.job_types import GET_MODEL, LEARN, MAKE_STARTER, PREPARE, VALIDATE, VersionParameters
from models_admin.models import ModelVersion, VersionState
from models_admin.telling import tell_state

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
    _not_validated(GET_MODEL.result_of(job).version, job)


def making_ended(job: Job) -> None:
    """Leave the starter that a job made, and did not validate to the end, as one that was got."""
    _not_validated(MAKE_STARTER.result_of(job).version, job)


def preparation_ended(job: Job) -> None:
    """Let the version be valid again; the vectors that are stored stay, and preparing goes on from them."""
    _move(PREPARE, job, VersionState.PREPARING, VersionState.VALID)


def learning_ended(job: Job) -> None:
    """Leave the version that it made as its own validation or preparation would."""
    new = LEARN.result_of(job).new_id
    _not_validated(new, job)
    if new is not None:
        _left(new, job, VersionState.PREPARING, VersionState.VALID)


def _not_validated(version_id: int | None, job: Job) -> None:
    if version_id is not None:
        _left(version_id, job, VersionState.VALIDATING, _after_validation(job))


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
    if found.update(state=to, error_id=job.error_id, error=job.error) and to == VersionState.REFUSED:
        tell_state(ModelVersion.objects.get(pk=version_id))
