"""From an event to a message for each webhook that is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from search.job_types import DELIVER_WEBHOOKS
from search.models import Webhook, WebhookDelivery
from workers.jobs.services import job_create_once

if TYPE_CHECKING:
    from collections.abc import Iterable


def webhooks_hear(event: str, data: dict[str, Any]) -> None:
    """Write the messages of an event and start their delivery; of the deliveries' own job nothing is told."""
    if data.get("type") == DELIVER_WEBHOOKS.name:
        return
    deliveries_add(Webhook.objects.filter(is_active=True, events__contains=[event]), event, data)


def deliveries_add(webhooks: Iterable[Webhook], event: str, data: dict[str, Any]) -> list[WebhookDelivery]:
    """Write a message for each of these webhooks and start a job that delivers them."""
    now = timezone.now()
    rows = [WebhookDelivery(webhook=each, event=event, data=data, next_at=now) for each in webhooks]
    if rows:
        WebhookDelivery.objects.bulk_create(rows)
        job_create_once(DELIVER_WEBHOOKS, DELIVER_WEBHOOKS.parameters())
    return rows


def webhooks_start_due() -> None:
    """Start a job where a message is due again."""
    due = WebhookDelivery.objects.filter(next_at__lte=timezone.now(), webhook__is_active=True)
    if due.exists():
        job_create_once(DELIVER_WEBHOOKS, DELIVER_WEBHOOKS.parameters())
