"""What a type of job is: its name, and as dataclasses what such a job is asked to do and what it finds.

An app declares its types in its module `job_types`; docs/development.md shows how to add one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from retrieval_site.errors import AppError
from retrieval_site.typed_json import NotReadableError, from_json

if TYPE_CHECKING:
    from workers.models import Job

ONLY_FAILED = "only_failed"
UNDONE = "undone_by"


@dataclass(frozen=True, kw_only=True)
class JobParameters:
    """What every job may be asked; types add fields of their own.

    `only_failed`: try the recorded failed items again, and nothing else; a retry sets it. `dry_run`: say what would
    happen, store nothing.
    """

    only_failed: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class JobWarning:
    """Something that a job left out, or that may be unexpected in what it did."""

    id: str
    message: str
    detail: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What every job may say of what it did; types add fields of their own. None: nothing is known of it yet.

    `failed`: items of the whole job. `undone_by`: id of the job that takes back what this one stored; this one does not
    go on any more.
    """

    failed: int | None = None
    warnings: tuple[JobWarning, ...] | None = None
    undone_by: str | None = None


P = TypeVar("P", bound=JobParameters)
R = TypeVar("R", bound=JobResult)


@dataclass(frozen=True)
class JobType(Generic[P, R]):
    """One type of job; `name` stands in its rows."""

    name: str
    parameters: type[P]
    result: type[R]

    def parameters_of(self, job: Job) -> P:
        """Return what the job is asked to do; raises AppError `job.not_readable` for anything but exactly that."""
        try:
            return from_json(self.parameters, job.params)
        except NotReadableError as error:
            raise _not_readable("parameters", error) from error

    def result_of(self, job: Job) -> R:
        """Return what the job has found up to now; raises AppError `job.not_readable`.

        What an older version kept there, and nobody reads any more, is passed over.
        """
        try:
            return from_json(self.result, job.result, extra=True)
        except NotReadableError as error:
            raise _not_readable("result", error) from error

    def find_parameters(self, job: Job) -> P | None:
        """Return what a job of this type is asked to do; None for one of another type, or that cannot be read."""
        try:
            return self.parameters_of(job) if job.type == self.name else None
        except AppError:
            return None


def common_parameters(job: Job) -> JobParameters:
    """Return what every job may be asked, whichever type this one is of."""
    try:
        return from_json(JobParameters, job.params, extra=True)
    except NotReadableError:
        return JobParameters()


def common_result(job: Job) -> JobResult:
    """Return what every job may say of what it did, whichever type this one is of."""
    try:
        return from_json(JobResult, job.result, extra=True)
    except NotReadableError:
        return JobResult()


def _not_readable(what: str, error: NotReadableError) -> AppError:
    return AppError("job.not_readable", what=what, reason=str(error))
