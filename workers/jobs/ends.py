"""What becomes of a job's subject when the job ends without its handler: killed for its memory, lost, cancelled.

A handler looks after its own exceptions. Where its process is gone, or it never ran, nobody would: a version would be
"validating" for ever. An app registers here what it then does, for one type of job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from retrieval_site.events import event_tell
from workers.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from workers.jobs.types import JobType

    End: TypeAlias = Callable[[Job], None]
    """Gets a job that failed or was cancelled, in the transaction that says so."""

_ENDS: dict[str, End] = {}


def job_end_register(job_type: JobType[Any, Any], end: End) -> None:
    """Have `end` called with each job of this type that failed or was cancelled; the last one registered counts."""
    _ENDS[job_type.name] = end


def jobs_ended(job_ids: Iterable[object]) -> None:
    """Tell those who registered for these jobs, which just failed or were cancelled, and whoever hears of failures."""
    for job in Job.objects.filter(pk__in=list(job_ids)):
        if job.type in _ENDS:
            _ENDS[job.type](job)
        if job.state == JobState.FAILED:
            job_event_tell("job.failed", job)


def job_event_tell(event: str, job: Job) -> None:
    """Tell of a job's end: its id, type and error, and nothing of whose it is or what it works on."""
    event_tell(event, {"id": str(job.pk), "type": job.type, "error_id": job.error_id})
