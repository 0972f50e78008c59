"""Many photos searched with at once, and what each of them found."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class PhotoBatch(models.Model):
    """A zip of photos, of which each is searched with by a job; it goes after a while, with all that was found."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="photo_batches")
    name = models.CharField(max_length=200)
    upload = models.ForeignKey("workers.Blob", on_delete=models.PROTECT, related_name="+")
    job = models.OneToOneField("workers.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    version = models.ForeignKey("models_admin.ModelVersion", null=True, on_delete=models.SET_NULL)
    target = models.CharField(max_length=10, default="passages")
    collections = models.JSONField(default=list, blank=True)
    hits_each = models.PositiveSmallIntegerField(default=3)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "photo batches"

    def __str__(self) -> str:
        return self.name


class BatchPhoto(models.Model):
    """One photo of a batch with its best documents, as a kept search has them in its `answer`."""

    batch = models.ForeignKey(PhotoBatch, on_delete=models.CASCADE, related_name="photos")
    name = models.CharField(max_length=300)
    preview = models.ForeignKey("workers.Blob", null=True, on_delete=models.SET_NULL, related_name="+")
    answer = models.JSONField(default=list)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["batch", "name"], name="batch_photo_once")]

    def __str__(self) -> str:
        return self.name
