"""Tokens for programs."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from retrieval_site.languages.lazy import gettext_lazy


class ApiToken(models.Model):
    """A program's key to the API; only its SHA-256 is kept, the key itself is shown once."""

    class Scope(models.TextChoices):
        """Read: searching and looking. Write: documents, imports, judgements."""

        READ = "read", gettext_lazy("read")
        WRITE = "write", gettext_lazy("write")

    name = models.CharField(max_length=100)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return self.name  # the log of the admin keeps it: it names nobody
