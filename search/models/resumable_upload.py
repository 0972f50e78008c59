"""Files that come in pieces, over a line that may break."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from search.models.collection import Collection

NAME_MAX = 1000


class ResumableUpload(models.Model):
    """A file of which the first `offset` of `length` bytes are there.

    It lies below the data folder under its id until it is imported: alone as soon as it is whole, or with all others of
    its `batch`. `is_imported` stays when the job's row goes.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="+")
    batch = models.UUIDField(null=True)
    name = models.CharField(max_length=NAME_MAX, help_text="with its folders")
    length = models.PositiveBigIntegerField(help_text="bytes")
    offset = models.PositiveBigIntegerField(default=0)
    options = models.JSONField(default=dict, blank=True)
    is_imported = models.BooleanField(default=False)
    job = models.ForeignKey("workers.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["user", "batch"], name="resumable_upload_batch")]

    def __str__(self) -> str:
        return self.name
