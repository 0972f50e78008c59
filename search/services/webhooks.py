"""Webhooks: kept, given a new key, tried out, deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from retrieval_site.events import EVENTS
from search.models import WebhookDelivery
from search.webhooks.listening import deliveries_add
from search.webhooks.refusals import refusal
from search.webhooks.signing import new_salt
from workers.fetching.addresses import read_address
from workers.inference.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet

    from search.models import Webhook

TEST = "webhook.test"
CHOSEN = tuple(event for event in EVENTS if event != TEST)
"""The events that somebody can choose."""
DELIVERIES_KEPT = timedelta(days=30)


def webhook_check(*, url: str, events: Sequence[str]) -> None:
    """Raise AppError `webhook.address_invalid` for an address that can never be told anything, and `webhook.event`.

    Whether its host is public is looked at with each delivery, for names move.
    """
    try:
        read_address(url, tuple(settings.CONFIG.webhook_ports))
    except PictureError as error:
        raise refusal(error, 0) from error
    if not events or not set(events) <= set(CHOSEN):
        raise AppError("webhook.event", events=", ".join(CHOSEN))


@transaction.atomic
def webhook_save(*, webhook: Webhook, events: Sequence[str], by: AbstractBaseUser | None = None) -> Webhook:
    """Keep a webhook with its name, address and events; a new one gets its signing key.

    Of one that is switched off, what waits is given up: it would come as news when it is switched on again. Raises
    AppError as `webhook_check`.
    """
    webhook_check(url=webhook.url, events=events)
    webhook.events = list(events)
    is_new = not webhook.salt
    if is_new:
        webhook.salt = new_salt()
        webhook.created_by_id = by.pk if by else None
    webhook.save()
    if not webhook.is_active:
        WebhookDelivery.objects.filter(webhook=webhook, next_at__isnull=False).update(next_at=None)
    _note("created" if is_new else "changed", webhook, events=webhook.events, is_active=webhook.is_active)
    return webhook


def deliveries_to_end() -> QuerySet[WebhookDelivery]:
    """Return the messages that are older than a month, whatever became of them."""
    return WebhookDelivery.objects.filter(created_at__lt=timezone.now() - DELIVERIES_KEPT)


@transaction.atomic
def webhook_renew_key(*, webhook: Webhook) -> None:
    """Give a webhook a new signing key; messages that wait are signed with it."""
    webhook.salt = new_salt()
    webhook.save(update_fields=["salt"])
    _note("key_renewed", webhook)


@transaction.atomic
def webhook_delete(*, webhook: Webhook) -> None:
    """Delete a webhook with its log of deliveries."""
    _note("deleted", webhook)
    webhook.delete()


def _note(what: str, webhook: Webhook, **detail: Any) -> None:
    """Note what was done, with the host alone: the rest of an address can be a secret of its receiver's."""
    audit_note(f"webhook.{what}", webhook, host=urlsplit(webhook.url).hostname, **detail)


def webhook_try(*, webhook: Webhook) -> WebhookDelivery:
    """Send a webhook a test message, also one that is told of nothing else; raises AppError `webhook.inactive`."""
    if not webhook.is_active:
        raise AppError("webhook.inactive")
    return deliveries_add([webhook], TEST, {"sentence": "This is a test."})[0]
