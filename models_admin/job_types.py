"""The types of jobs that work on a model version."""

from __future__ import annotations

from dataclasses import dataclass

from models_admin.judged import Judged
from workers.jobs.types import JobParameters, JobResult, JobType


@dataclass(frozen=True, kw_only=True)
class VersionParameters(JobParameters):
    """`version`: the id of the version that the job works on."""

    version: int


@dataclass(frozen=True, kw_only=True)
class ValidateResult(JobResult):
    """`state`: what the version is now."""

    state: str | None = None


@dataclass(frozen=True, kw_only=True)
class Covered:
    """How many units of a kind there are, have a vector, cannot be encoded, and are still missing."""

    total: int
    stored: int
    broken: int
    missing: int


@dataclass(frozen=True, kw_only=True)
class PrepareResult(JobResult):
    """`coverage`: by kind of unit."""

    coverage: dict[str, Covered] | None = None


VALIDATE = JobType("validate", VersionParameters, ValidateResult)
PREPARE = JobType("prepare", VersionParameters, PrepareResult)
MEASURE = JobType("measure", VersionParameters, Judged)
