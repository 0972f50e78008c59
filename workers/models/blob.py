"""Files by their content: pictures, import files and bundles, stored once however often they arrive."""

from __future__ import annotations

from django.db import models


class Blob(models.Model):
    """One stored file; its SHA-256 is its name, so the same bytes are the same row."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField(help_text="bytes")
    content_type = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def storage_name(self) -> str:
        """Where Django's default storage holds it: two letters of fan-out, then the hash."""
        return f"{self.sha256[:2]}/{self.sha256}"
