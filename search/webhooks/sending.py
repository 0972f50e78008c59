"""Delivering messages, through the walls of all outgoing requests (`workers/fetching`), with retries."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from retrieval_site.errors import AppError
from search.models import WebhookDelivery
from search.webhooks.refusals import refusal
from search.webhooks.signing import HEADER, signature, signing_key
from workers.encoding.running import Running
from workers.fetching.fetch import FetchLimits
from workers.fetching.pool import Fetchers
from workers.inference.errors import PictureError

if TYPE_CHECKING:
    from search.job_types import DeliverResult
    from workers.jobs.context import JobRun
    from workers.jobs.types import JobParameters

ANSWER_BYTES_MAX = 2_000
SECONDS = 15.0
PATIENT_SECONDS = 120.0
WAITS = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 3600, 6 * 3600, 24 * 3600))
"""Before the second try, the third, and so on; after the last one a message is given up."""
CLAIMED_FOR = timedelta(minutes=5)
"""A run that is killed while it sends leaves the message for another one after this time."""
_OF_A_TRY = ("attempts", "status", "answer", "error_id", "error", "next_at", "delivered_at")

_fetchers = Running(Fetchers)


def deliver_due(run: JobRun[JobParameters, DeliverResult]) -> None:
    """Deliver what is due, oldest first."""
    run.stage("deliver webhooks")
    delivered, failed = run.result.delivered or 0, run.result.failed_tries or 0
    while delivery := _claimed():
        if _try(delivery):
            delivered += 1
        else:
            failed += 1
        run.advance(1)
        run.remember(delivered=delivered, failed_tries=failed)
        run.checkpoint()


def _claimed() -> WebhookDelivery | None:
    """Return the oldest message that is due, which no other run takes within five minutes."""
    now = timezone.now()
    due = WebhookDelivery.objects.filter(next_at__lte=now, webhook__is_active=True)
    for row in due.select_related("webhook").order_by("next_at")[:10]:
        if due.filter(pk=row.pk).update(next_at=now + CLAIMED_FOR):
            return row
    return None


def _try(delivery: WebhookDelivery) -> bool:
    """Send a message once and keep what was answered; return whether it was taken."""
    delivery.attempts += 1
    delivery.error_id = delivery.error = delivery.answer = ""
    delivery.status = None
    try:
        delivery.status, answer = _sent(delivery)
        delivery.answer = answer.decode(errors="replace").replace("\0", "")
        if not 200 <= delivery.status < 300:
            raise AppError("webhook.status", answered=delivery.status)
    except AppError as error:
        delivery.error_id, delivery.error = error.id, error.message
        tried = delivery.attempts - 1
        delivery.next_at = timezone.now() + WAITS[tried] if tried < len(WAITS) else None
    else:
        delivery.delivered_at, delivery.next_at = timezone.now(), None
    # It may have been deleted meanwhile, with its webhook.
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        **{name: getattr(delivery, name) for name in _OF_A_TRY}
    )
    return delivery.delivered_at is not None


def _sent(delivery: WebhookDelivery) -> tuple[int, bytes]:
    """Return the status and the beginning of the answer; raises AppError `webhook.*`."""
    body, now = body_of(delivery), int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Sightline (webhook)",
        "Sightline-Event": delivery.event,
        "Sightline-Delivery": str(delivery.pk),
        HEADER: signature(signing_key(delivery.webhook), now, body),
    }
    try:
        return _crew().posted(delivery.webhook.url, body, headers, PATIENT_SECONDS)
    except PictureError as error:
        raise refusal(error, SECONDS) from error


def body_of(delivery: WebhookDelivery) -> bytes:
    """Return the message as JSON: the same bytes at every try."""
    said = {
        "id": str(delivery.pk),
        "event": delivery.event,
        "at": delivery.created_at.isoformat(),
        "data": delivery.data,
    }
    return json.dumps(said, ensure_ascii=False, sort_keys=True).encode()


def _crew() -> Fetchers:
    config = settings.CONFIG
    limits = FetchLimits(
        ANSWER_BYTES_MAX,
        SECONDS,
        tuple(config.webhook_ports),
        tuple(config.webhook_networks),
        pictures=False,
    )
    return _fetchers.under(limits)
