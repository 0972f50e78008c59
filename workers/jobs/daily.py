"""Jobs that the system starts: once a day, where they have something to do, or by schedules that apps keep."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models.functions import Now

from workers.jobs.services import job_create_once
from workers.models import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.jobs.types import JobType

EVERY = timedelta(days=1)

_DAILY: dict[JobType[Any, Any], Callable[[], bool]] = {}
_SCHEDULED: list[Callable[[], object]] = []


def job_daily(job_type: JobType[Any, Any], due: Callable[[], bool]) -> None:
    """Have a job of this type, without parameters, started once a day when `due` says that there is something to do."""
    _DAILY[job_type] = due


def job_scheduled(start_due: Callable[[], object]) -> None:
    """Have `start_due` called every half minute, by several workers perhaps at once, to create jobs that are due."""
    if start_due not in _SCHEDULED:
        _SCHEDULED.append(start_due)


def start_scheduled() -> None:
    """Create the jobs that are due by the apps' schedules."""
    for start_due in _SCHEDULED:
        start_due()


def start_daily() -> list[Job]:
    """Create the daily jobs that are due and of which none was created within a day, and return them."""
    return [
        job_create_once(each, each.parameters())[0]
        for each, due in _DAILY.items()
        if not _recent(each) and due()
    ]


def _recent(job_type: JobType[Any, Any]) -> bool:
    return bool(Job.objects.filter(type=job_type.name, created_at__gt=Now() - EVERY).exists())
