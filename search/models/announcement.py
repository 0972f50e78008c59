"""What administrators tell everybody on top of each page."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext

from retrieval_site.languages.lazy import gettext_lazy

TEXT_MAX = 1_000


class Announcement(models.Model):
    """A text that stands on every page from one time until another, for those whom it is for."""

    class Level(models.TextChoices):
        """How much it matters; a page shows each in its own way."""

        INFO = "info", gettext_lazy("information")
        WARNING = "warning", gettext_lazy("warning")
        OUTAGE = "outage", gettext_lazy("outage")

    class Audience(models.TextChoices):
        """Who sees it."""

        EVERYONE = "everyone", gettext_lazy("everyone")
        SIGNED_IN = "signed_in", gettext_lazy("who is signed in")
        STAFF = "staff", gettext_lazy("who uses the admin")

    text = models.TextField(
        max_length=TEXT_MAX, help_text="Plain text; addresses that begin with https:// become links."
    )
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.INFO)
    audience = models.CharField("for", max_length=10, choices=Audience.choices, default=Audience.EVERYONE)
    starts_at = models.DateTimeField("from", default=timezone.now)
    ends_at = models.DateTimeField("until", null=True, blank=True, help_text="Empty: until it is deleted.")
    dismissible = models.BooleanField(
        "can be closed",
        default=True,
        help_text="Whoever has read it can close it, and does not see it again.",
    )

    class Meta:
        ordering = ["-starts_at", "-id"]

    def __str__(self) -> str:
        return self.text if len(self.text) <= 80 else f"{self.text[:79]}…"

    def clean(self) -> None:
        """Refuse an end before the beginning."""
        if self.ends_at and self.starts_at and self.ends_at <= self.starts_at:
            raise ValidationError({"ends_at": gettext("It ends before it begins.")})
