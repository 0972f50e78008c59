"""Sending a job's message: after commit, once. A message is only a hint, so losing or doubling one is harmless."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from retrieval_site.tracing import NO_REQUEST, asked_by, carried, current_request
from workers.models import Job, JobState

if TYPE_CHECKING:
    import uuid

QUEUE = "bulk"
TASK = "workers.run_job"
TRACE = "sightline_trace"
"""The message's header with the request that asked for the job (`tracing.carried`); other workers pass over it."""
BROKER_ERRORS = (KombuError, RedisError, OSError)

log = logging.getLogger(__name__)


def enqueue(job: Job) -> None:
    """Send the job's message when the current transaction has committed (at once outside of one)."""
    transaction.on_commit(lambda: send(job.pk, job.request_id))


def send(job_id: uuid.UUID, request_id: str = "") -> bool:
    """Send the message of a queued job now; return whether the broker took it.

    It goes in the name of the current request; outside of one, of `request_id`, which asked for the job. Without a
    broker the row stays queued and unmarked: the sweeper sends it once the broker is back.
    """
    waiting = Job.objects.filter(pk=job_id, state=JobState.QUEUED)
    if not waiting.update(enqueued_at=timezone.now()):
        return False
    try:
        with asked_by(current_request() or request_id or NO_REQUEST):
            headers = {TRACE: carried()}
        current_app.send_task(TASK, args=[str(job_id)], queue=QUEUE, retry=False, headers=headers)
    except BROKER_ERRORS as error:
        log.warning("job %s waits, the broker does not answer: %s", job_id, error)
        waiting.update(enqueued_at=None)
        return False
    return True
