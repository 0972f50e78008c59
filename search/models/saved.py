"""Searches that people keep by a name."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from search.models.feedback import Query


class SavedSearch(models.Model):
    """One of a person's own searches under a name: its age does not end it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_searches"
    )
    query = models.OneToOneField(Query, on_delete=models.CASCADE, related_name="saved")
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "saved searches"

    def __str__(self) -> str:
        return self.name
