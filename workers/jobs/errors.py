"""Ways in which a run of a job ends before its work does; the runner turns each into the row's next state."""

from __future__ import annotations

from retrieval_site.errors import AppError


class JobStopped(Exception):  # noqa: N818 - stopping when asked to is no error
    """The run ends at a checkpoint; what is stored so far stays, and a later run goes on from there."""


class JobCancelled(JobStopped):
    """Somebody asked for the job to be cancelled."""


class JobPaused(JobStopped):
    """Somebody asked for the job to be paused."""


class JobDeferred(JobStopped):
    """The job cannot work now (another job holds what it needs): it queues again and frees its worker."""


class JobInterrupted(JobStopped):
    """The worker is shutting down: the job queues again at once."""


class LeaseLost(JobStopped):
    """Another worker may hold the job by now: this run must not write to its row any more."""


def wrong_state(action: str, state: str) -> AppError:
    """Return the error for an action that a job's state does not allow."""
    return AppError("job.wrong_state", state=state, action=action)


def undone() -> AppError:
    """Return the error for trying a job again whose work was taken back."""
    return AppError("job.undone")
