"""The only place that moves a job's state; each move is one conditional UPDATE, so two callers cannot both win."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Greatest, Now

from retrieval_site.database.locks import transaction_lock
from retrieval_site.database.own_writes import own_writes_note
from retrieval_site.errors import AppError
from retrieval_site.tracing import current_request
from retrieval_site.typed_json import to_json
from workers.jobs.ends import job_event_tell, jobs_ended
from workers.jobs.enqueue import enqueue
from workers.jobs.errors import undone, wrong_state
from workers.jobs.rights import require_owner_permitted, require_permitted
from workers.jobs.types import ONLY_FAILED, UNDONE, common_result
from workers.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import Model, QuerySet

    from workers.jobs.types import JobType, P

LEASE_SECONDS = 15
ATTEMPTS_MAX = 6
"""Runs that may be lost (killed, crashed database) before a job is given up: one that kills its worker must end."""

ACTIVE = (JobState.QUEUED, JobState.RUNNING, JobState.PAUSED)
_RELEASED: dict[str, Any] = {"lease_token": None, "lease_until": None, "request": ""}


def job_create(job_type: JobType[P, Any], parameters: P, *, owner: AbstractBaseUser | None = None) -> Job:
    """Return a new queued job; its message is sent after commit.

    An owner who asks by a token brings its id as `acts_by_token`.
    """
    job = Job.objects.create(
        type=job_type.name, params=to_json(parameters), owner_id=owner.pk if owner else None, owned=owner is not None,
        token_id=_token_of(owner), request_id=current_request(),
    )  # fmt: skip
    enqueue(job)
    return job


def _token_of(user: Any) -> int | None:
    token: int | None = getattr(user, "acts_by_token", None)
    return token


def jobs_with(job_type: JobType[P, Any], parameters: P) -> QuerySet[Job]:
    """Return the jobs of this type with exactly these parameters, newest first."""
    return Job.objects.filter(type=job_type.name, params=to_json(parameters))


def job_create_once(
    job_type: JobType[P, Any],
    parameters: P,
    *,
    owner: AbstractBaseUser | None = None,
    states: Iterable[str] = ACTIVE,
) -> tuple[Job, bool]:
    """Return the job of this type and these parameters that is in one of `states`, else a new one (and True)."""
    with transaction.atomic():
        transaction_lock(f"job_create_once:{job_type.name}")
        known = jobs_with(job_type, parameters).filter(state__in=list(states)).first()
        return (known, False) if known else (job_create(job_type, parameters, owner=owner), True)


def job_claim(job_id: uuid.UUID | str) -> Job | None:
    """Make a queued job running under a new lease; None when it is not queued (a doubled or late message)."""
    claimed = Job.objects.filter(pk=job_id, state=JobState.QUEUED).update(
        state=JobState.RUNNING,
        lease_token=(token := uuid.uuid4()),
        lease_until=Now() + Value(timedelta(seconds=LEASE_SECONDS)),
        attempts=F("attempts") + 1,
        started_at=Coalesce(F("started_at"), Now()),
        finished_at=None,
    )
    return Job.objects.get(pk=job_id, lease_token=token) if claimed else None


def held(job: Job) -> QuerySet[Job]:
    """Return the job's row while this run still holds its lease, else nothing: every write goes through it."""
    return Job.objects.filter(pk=job.pk, state=JobState.RUNNING, lease_token=job.lease_token)


def job_renew_lease(job: Job) -> bool:
    """Renew the lease; return False when it was lost."""
    return bool(held(job).update(lease_until=Now() + Value(timedelta(seconds=LEASE_SECONDS))))


def job_finish(job: Job, *, result: dict[str, Any]) -> bool:
    """Running → succeeded; return False when the lease was lost."""
    params = {key: value for key, value in job.params.items() if key != ONLY_FAILED}
    return _end(job, JobState.SUCCEEDED, result=result, params=params)


def job_fail(job: Job, *, error_id: str, error: str) -> bool:
    """Running → failed, with an id for programs and a sentence for people."""
    return _end(job, JobState.FAILED, error_id=error_id[:80], error=storable(error))


def storable(text: str) -> str:
    """Return a text as PostgreSQL can hold it: what it quotes may have NUL characters or halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def job_stop(job: Job, *, state: JobState) -> bool:
    """Running → cancelled or paused, as was asked for."""
    return _end(job, state)


@transaction.atomic
def _end(job: Job, state: JobState, **values: Any) -> bool:
    own_writes_note(job.owner_id)
    finished = None if state == JobState.PAUSED else Now()
    ended = bool(held(job).update(state=state, finished_at=finished, **_RELEASED, **values))
    if ended and state in (JobState.FAILED, JobState.CANCELLED):
        jobs_ended([job.pk])
    elif ended and state == JobState.SUCCEEDED:
        job_event_tell("job.finished", job)
    return ended


def job_release(job: Job, *, counts: bool, send_now: bool = True) -> bool:
    """Running → queued, for another run to go on; `counts` says whether this run used up an attempt.

    Without `send_now` the row waits for the sweeper's next look at overdue messages.
    """
    attempts = F("attempts") if counts else Greatest(F("attempts") - 1, 0)
    released = held(job).update(
        state=JobState.QUEUED,
        queued_at=Now(),
        attempts=attempts,
        enqueued_at=None if send_now else Now(),
        lease_token=None,
        lease_until=None,
    )
    return bool(released)


@transaction.atomic
def job_request_cancel(job: Job) -> Job:
    """Cancel: at once where nothing runs, else at the run's next checkpoint. Raises `job.wrong_state`."""
    idle = Job.objects.filter(pk=job.pk, state__in=[JobState.QUEUED, JobState.PAUSED])
    if idle.update(state=JobState.CANCELLED, finished_at=Now(), **_RELEASED):
        jobs_ended([job.pk])
    else:
        _request(job, "cancel", "cancelled")
    return _fresh(job)


def job_request_pause(job: Job) -> Job:
    """Pause: at once while queued, else at the run's next checkpoint. Raises `job.wrong_state`."""
    waiting = Job.objects.filter(pk=job.pk, state=JobState.QUEUED)
    if not waiting.update(state=JobState.PAUSED, **_RELEASED):
        _request(job, "pause", "paused")
    return _fresh(job)


def _request(job: Job, request: str, action: str) -> None:
    if not Job.objects.filter(pk=job.pk, state=JobState.RUNNING).update(request=request):
        raise wrong_state(action, _fresh(job).state)


def job_resume(job: Job, by: Any = None) -> Job:
    """Paused → queued; goes on from what is stored. Raises `job.wrong_state`, `job.not_permitted`."""
    return _queue_again(job, [JobState.PAUSED], "resumed", by)


def job_retry(job: Job, by: Any = None) -> Job:
    """Failed or cancelled → queued; goes on from what is stored. Raises `job.wrong_state`, `job.not_permitted`."""
    return _queue_again(job, [JobState.FAILED, JobState.CANCELLED], "retried", by)


def job_retry_failed(job: Job, by: Any = None) -> Job:
    """Queue a finished job again for its failed items alone; raises as `job_retry`, and `job.nothing_failed`."""
    if not job.items.exists():
        raise AppError("job.nothing_failed")
    finished = [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED]
    return _queue_again(job, finished, "retried", by, params={**job.params, ONLY_FAILED: True})


@transaction.atomic
def job_mark_undone(job: Job, *, by: Job) -> None:
    """Keep with a finished job that another takes back what it stored. Raises `job.wrong_state`."""
    row = Job.objects.select_for_update().get(pk=job.pk)
    if not row.is_finished:
        raise wrong_state("undone", row.state)
    row.result[UNDONE] = str(by.pk)
    row.save(update_fields=["result"])


@transaction.atomic
def _queue_again(job: Job, states: Iterable[str], action: str, by: Any, **values: Any) -> Job:
    """Queue a job that waits or is over; `by` is who asks for it, None for a command.

    Both must have the right: who asks, and in whose name the job works. The owner vouches for it anew.
    """
    if by is not None and by.pk == job.owner_id:
        values["token_id"] = _token_of(by)
    movable = Job.objects.filter(pk=job.pk, state__in=list(states)).exclude(result__has_key=UNDONE)
    moved = movable.update(
        state=JobState.QUEUED, queued_at=Now(), attempts=0, enqueued_at=None, finished_at=None, error_id="", error="",
        request_id=current_request(), **_RELEASED, **values,
    )  # fmt: skip
    fresh = _fresh(job)
    if not moved:
        raise undone() if common_result(fresh).undone_by else wrong_state(action, fresh.state)
    if by is not None:
        require_permitted(fresh, by)
    require_owner_permitted(fresh)
    enqueue(fresh)
    return fresh


def _fresh(job: Model) -> Job:
    return Job.objects.get(pk=job.pk)
