"""What a handler sees of its job: parameters in; progress, failed items and what it found out."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic

from django.utils import timezone

from retrieval_site.typed_json import to_json
from workers.jobs.errors import JobCancelled, JobInterrupted, JobPaused, LeaseLost
from workers.jobs.rights import require_owner_permitted
from workers.jobs.services import held, storable
from workers.jobs.types import JobType, P, R, common_parameters
from workers.models import Job, JobItem

if TYPE_CHECKING:
    from collections.abc import MutableMapping

WRITE_EVERY_SECONDS = 0.5
RIGHTS_EVERY_SECONDS = 1.0
REASON_MAX = 2000
"""Characters of a failed item's reason; it may quote what was wrong."""

stopping = threading.Event()
"""Set when this worker process shuts down: jobs leave at their next checkpoint and queue again."""


class _JobLog(logging.LoggerAdapter[logging.Logger]):
    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        job: Job = self.extra["job"]  # type: ignore[index, assignment]
        return f"{job.type} {job.pk}: {msg}", kwargs


class JobContext:
    """One run of a job of any type. Call `stage`, then `advance` and `checkpoint` after every batch.

    All writes carry the lease's token: a run that lost its lease changes nothing and stops at its next write.
    """

    def __init__(self, job: Job, lost: threading.Event | None = None) -> None:
        self.job = job
        self.log = _JobLog(logging.getLogger("workers.jobs"), {"job": job})
        self._lost = lost or threading.Event()
        self._done, self._failed, self._total, self._counted = job.done, job.failed, job.total, True
        self._written_at = 0.0
        self._permitted_at = time.monotonic()

    @property
    def only_failed(self) -> bool:
        """Return whether this run is a retry of the recorded failed items."""
        return common_parameters(self.job).only_failed

    def stage(
        self, name: str, total: int | None = None, *, done: int = 0, failed: int = 0, counted: bool = True
    ) -> None:
        """Begin a named stage of `total` items (None: unknown), of which earlier runs did some.

        Not `counted`: the row says nothing of how many items there are, for they are not all the owner's business.

        A stage that an earlier run began keeps its start, so that rate and time left stay true.
        """
        self.checkpoint()
        self._done, self._failed, self._total, self._counted = done, failed, total, counted
        goes_on = bool(done or failed) and self.job.stage == name and self.job.stage_started_at
        started = self.job.stage_started_at if goes_on else timezone.now()
        self.job.stage, self.job.stage_started_at = name, started
        self._write(stage=name, stage_started_at=started)

    def advance(self, done: int = 0, *, failed: int = 0) -> None:
        """Count items of this stage; the row follows at most every half second."""
        self._done += done
        self._failed += failed
        if time.monotonic() - self._written_at >= WRITE_EVERY_SECONDS:
            self._write()

    def show(self, done: int, total: int) -> None:
        """Show how far something is that this run waits for; from any thread, which leaves a lost lease to the run."""
        held(self.job).update(done=done, total=total)

    def item_failed(
        self, key: str, error_id: str, reason: str, payload: dict[str, Any] | None = None
    ) -> None:
        """Keep a failed item with its reason; the same item and error again only renews the reason."""
        JobItem.objects.update_or_create(
            job=self.job,
            key=storable(key)[:300],
            error_id=error_id[:80],
            defaults={"reason": storable(reason)[:REASON_MAX], "payload": payload or {}},
        )

    def checkpoint(self) -> None:
        """Stop here when somebody asked for it; raises a `JobStopped`. Call it between batches, not inside one.

        Raises AppError `job.not_permitted` where the job's owner has lost the right to it.
        """
        if self._lost.is_set():
            raise LeaseLost
        if stopping.is_set():
            self._write()
            raise JobInterrupted
        self._obey(held(self.job).values_list("request", flat=True).first())
        self._stay_permitted()

    def _stay_permitted(self) -> None:
        """Ask at most once a second whether the owner may still do this."""
        if time.monotonic() - self._permitted_at >= RIGHTS_EVERY_SECONDS:
            require_owner_permitted(self.job)
            self._permitted_at = time.monotonic()

    def _obey(self, request: str | None) -> None:
        if request is None:
            raise LeaseLost
        if request:
            self._write()
            raise JobCancelled if request == "cancel" else JobPaused

    def flush(self) -> None:
        """Write the counted progress now."""
        self._write()

    def _write(self, **values: Any) -> None:
        """Write progress and `values`; raises LeaseLost when the row belongs to another run."""
        if not held(self.job).update(**self._counts(), **values):
            self._lost.set()
            raise LeaseLost
        self._written_at = time.monotonic()

    def _counts(self) -> dict[str, int | None]:
        """Return the row's numbers. The total grows where more came in than was there when the stage began."""
        if not self._counted:
            return {"done": 0, "failed": 0, "total": None}
        total = None if self._total is None else max(self._total, self._done + self._failed)
        return {"done": self._done, "failed": self._failed, "total": total}


class JobRun(JobContext, Generic[P, R]):
    """One run of a job of one type: what it is asked to do, and what it found up to now.

    Raises AppError `job.not_readable` where the row says anything else.
    """

    def __init__(self, job_type: JobType[P, R], job: Job, lost: threading.Event | None = None) -> None:
        super().__init__(job, lost)
        self.parameters = job_type.parameters_of(job)
        self._type = job_type
        self._result: R | None = None

    @property
    def result(self) -> R:
        """What this run and those before it found; of a type whose result is whole or not at all, only once it is."""
        if self._result is None:
            self._result = self._type.result_of(self.job)
        return self._result

    def remember(self, **values: Any) -> None:
        """Store fields of the job's result now, inside the caller's transaction: where to go on after a kill.

        Raises AppError `job.not_permitted`, which takes the transaction back.
        """
        self._stay_permitted()
        self._result = replace(self.result, **values)
        self._write(result=to_json(self._result))
