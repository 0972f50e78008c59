"""Webhooks: addresses that are told of state changes, and every message that was sent to them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Webhook(models.Model):
    """An address, the events that it is told of, and what its signing key is made from."""

    name = models.CharField(max_length=100)
    url = models.CharField("address", max_length=2048, help_text="http or https; redirects are not followed")
    events = ArrayField(models.CharField(max_length=40), help_text="what it is told of")
    is_active = models.BooleanField("active", default=True)
    salt = models.CharField(max_length=40, help_text="with SECRET_KEY it gives the signing key")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(models.Model):
    """One message to one webhook: what it says, how often it was tried, and what was answered last.

    `next_at` is when it is tried (again); None: it was delivered, or given up.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="of the last answer")
    answer = models.TextField(blank=True, default="", help_text="the beginning of the last answer")
    error_id = models.CharField(max_length=80, blank=True, default="")
    error = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["next_at"], condition=models.Q(next_at__isnull=False), name="webhook_delivery_due"
            )
        ]
        verbose_name_plural = "webhook deliveries"

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook_id}"

    @property
    def outcome(self) -> str:
        """What became of it, in words."""
        if self.delivered_at:
            return "delivered"
        return "waiting" if self.next_at else "given up"
