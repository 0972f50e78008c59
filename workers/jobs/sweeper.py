"""The sweeper: finds jobs that no worker will finish on its own, and sends them again.

It runs as a thread in every bulk worker; a PostgreSQL advisory lock lets one of them sweep at a time.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from itertools import starmap
from typing import TYPE_CHECKING, Any

from celery import current_app
from django.core.cache import cache
from django.db import Error, connection, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Now
from kombu.exceptions import ChannelError
from redis.exceptions import RedisError

from retrieval_site.health.alive import alive_note
from workers.error_table import sentence
from workers.jobs.daily import start_daily, start_scheduled
from workers.jobs.ends import jobs_ended
from workers.jobs.enqueue import BROKER_ERRORS, QUEUE, send
from workers.jobs.services import ATTEMPTS_MAX, LEASE_SECONDS
from workers.models import Job, JobState

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet

SWEEP_SECONDS = 3.0
DAILY_LOOK_SECONDS = 3600.0
"""How often it is asked whether a daily job is due."""
SCHEDULE_LOOK_SECONDS = 30.0
"""How often it is asked whether a job with a schedule of its own is due."""
OVERDUE_SECONDS = 10.0
"""A queued job's message that is older and no longer in the broker's queue was lost."""

ALIVE_KEY = "workers:bulk:alive"
ALIVE_SECONDS = 15
ADVISORY_LOCK = 0x5157_EE9E

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sweep:
    """What one sweep did: jobs taken back from dead workers, given up, and sent (again)."""

    taken_back: int = 0
    given_up: int = 0
    sent: int = 0


def sweep() -> Sweep:
    """Take back jobs whose lease ran out and send those whose message is missing; nothing while another sweeps."""
    with transaction.atomic():
        if not _lock():
            return Sweep()
        given_up = _give_up()
        taken_back = _take_back()
        overdue = _overdue()
    return Sweep(taken_back, given_up, sum(starmap(send, overdue)))


def _lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        return bool(cursor.fetchone()[0])


def _give_up() -> int:
    """Finish expired jobs that should not run again: cancelled meanwhile, or lost too often."""
    expired = _expired()
    released = {"lease_token": None, "lease_until": None, "request": ""}
    cancelled = list(expired.filter(request="cancel").values_list("pk", flat=True))
    expired.filter(pk__in=cancelled).update(state=JobState.CANCELLED, finished_at=Now(), **released)
    paused = expired.filter(request="pause").update(state=JobState.PAUSED, **released)
    message = sentence("job.lost/worker", {"attempts": ATTEMPTS_MAX})
    lost = list(expired.filter(attempts__gte=ATTEMPTS_MAX).values_list("pk", flat=True))
    expired.filter(pk__in=lost).update(
        state=JobState.FAILED, finished_at=Now(), error_id="job.lost", error=message, **released
    )
    jobs_ended(
        Job.objects.filter(pk__in=[*cancelled, *lost], finished_at__isnull=False).values_list("pk", flat=True)
    )
    return len(cancelled) + paused + len(lost)


def _expired() -> QuerySet[Job]:
    """Return running jobs whose lease ran out, or ends later than any that is given: the clock was put back since.

    A run that lives renews its lease by the new time within seconds; one whose worker died then would wait for the
    old time to come again.
    """
    is_over = Q(lease_until__lt=Now()) | Q(
        lease_until__gt=Now() + Value(timedelta(seconds=2 * LEASE_SECONDS))
    )
    return Job.objects.filter(is_over, state=JobState.RUNNING)


def _take_back() -> int:
    expired = _expired()
    taken = expired.update(
        state=JobState.QUEUED, queued_at=Now(), lease_token=None, lease_until=None, enqueued_at=None
    )
    if taken:
        log.warning("%d jobs taken back from workers that died", taken)
    return taken


def _overdue() -> list[tuple[uuid.UUID, str]]:
    """Return queued jobs that were never sent, or whose message is overdue while the broker's queue is empty.

    Each comes with the id of the request that asked for it.

    While messages wait in the queue nothing was lost, only the workers are busy: sending again would pile up copies.
    """
    missing = Q(enqueued_at=None)
    if _queue_is_empty():
        missing |= Q(enqueued_at__lt=Now() - Value(timedelta(seconds=OVERDUE_SECONDS)))
        missing |= Q(
            enqueued_at__gt=Now() + Value(timedelta(seconds=OVERDUE_SECONDS))
        )  # the clock was put back
    queued = Job.objects.filter(missing, state=JobState.QUEUED)
    return list(queued.order_by(F("created_at").asc()).values_list("pk", "request_id")[:1000])


def _queue_is_empty() -> bool:
    try:
        with current_app.connection_for_read() as broker:
            channel: Any = broker.default_channel
            return bool(channel.queue_declare(QUEUE, passive=True).message_count == 0)
    except ChannelError:
        return True  # a broker that restarted empty does not know the queue
    except BROKER_ERRORS:
        return False


def bulk_worker_alive() -> bool:
    """Return whether a bulk worker said so within the last seconds."""
    try:
        return cache.get(ALIVE_KEY) is not None
    except RedisError:
        return False


class Sweeper(threading.Thread):
    """Sweeps every few seconds until `end` is set; survives a database or broker that is away."""

    def __init__(self) -> None:
        super().__init__(name="sweeper", daemon=True)
        self.end = threading.Event()
        self._look_at = self._look_at_schedules = 0.0

    def run(self) -> None:
        """Sweep, say that this worker lives, wait; repeat."""
        while not self.end.is_set():
            alive_note()
            self._turn()
            self.end.wait(SWEEP_SECONDS)
        connection.close()

    def _turn(self) -> None:
        try:
            sweep()
            cache.set(ALIVE_KEY, 1, ALIVE_SECONDS)
            self._start_daily()
        except (Error, *BROKER_ERRORS) as error:
            log.warning("sweep put off: %s", error)
            connection.close()

    def _start_daily(self) -> None:
        if time.monotonic() >= self._look_at:
            start_daily()
            self._look_at = time.monotonic() + DAILY_LOOK_SECONDS
        if time.monotonic() >= self._look_at_schedules:
            start_scheduled()
            self._look_at_schedules = time.monotonic() + SCHEDULE_LOOK_SECONDS
