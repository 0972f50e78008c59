"""Searches that people keep by a name, and the new documents that fit them."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from retrieval_site.languages.lazy import gettext_lazy
from search.models.document import Document
from search.models.feedback import Query


class SavedSearch(models.Model):
    """One of a person's own searches under a name: its age does not end it.

    Where `alerts` are wanted, documents that came after `alerts_since` are looked for (search/alerts).
    """

    class Alerts(models.TextChoices):
        """Whether somebody is told of new documents that fit: on their page, and by e-mail too."""

        OFF = "off", gettext_lazy("no")
        PAGE = "page", gettext_lazy("on this page")
        MAIL = "mail", gettext_lazy("by e-mail too")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_searches"
    )
    query = models.OneToOneField(Query, on_delete=models.CASCADE, related_name="saved")
    name = models.CharField(max_length=120)
    alerts = models.CharField(max_length=4, choices=Alerts.choices, default=Alerts.OFF)
    alerts_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "saved searches"

    def __str__(self) -> str:
        return self.name


class SearchFinding(models.Model):
    """A new document that fits a saved search; each is found once."""

    saved = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, related_name="findings")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    found_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["saved", "document"], name="finding_once")]

    def __str__(self) -> str:
        return f"{self.document_id} for “{self.saved_id}”"
