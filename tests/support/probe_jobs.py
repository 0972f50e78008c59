"""A type of job whose handler each test brings."""

from __future__ import annotations

from dataclasses import dataclass

from workers.jobs.types import JobParameters, JobResult, JobType


@dataclass(frozen=True, kw_only=True)
class ProbeParameters(JobParameters):
    n: int = 0
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class ProbeResult(JobResult):
    position: int | None = None
    answer: int | None = None


PROBE = JobType("probe", ProbeParameters, ProbeResult)
