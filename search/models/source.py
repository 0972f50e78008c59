"""Where documents come from again and again: a folder, an OAI-PMH server, IIIF manifests, a bucket."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from retrieval_site.languages.lazy import gettext_lazy
from search.models.collection import Collection
from search.models.document import Document

KEY_BYTES_MAX = 2000
"""In UTF-8: an entry of PostgreSQL's index holds no more than 2,704 bytes."""


class Source(models.Model):
    """A place that rounds look at for documents of a collection: by a schedule, or when somebody says so.

    `owner` is the person in whose name rounds run. `round` is the newest round that stores: only it may write.
    """

    class Kind(models.TextChoices):
        """What stands at the address."""

        FOLDER = "folder", gettext_lazy("watched folder")
        OAI_PMH = "oai_pmh", gettext_lazy("OAI-PMH")
        IIIF = "iiif", gettext_lazy("IIIF manifests")
        S3 = "s3", gettext_lazy("S3 bucket")

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="sources")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    address = models.CharField(
        max_length=2048, help_text="URL, or of a folder its path on the worker's machine"
    )
    options = models.JSONField(default=dict, blank=True)
    secret = models.TextField(
        blank=True, default="", editable=False, help_text="the keys of a bucket, encrypted"
    )
    every_hours = models.PositiveIntegerField(null=True, blank=True)
    paused = models.BooleanField(default=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    round = models.ForeignKey("workers.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    next_round_at = models.DateTimeField(null=True, blank=True)
    since = models.CharField(
        max_length=40, blank=True, default="", help_text="up to when a server's records are known"
    )
    complete_at = models.DateTimeField(
        null=True, blank=True, help_text="when a round last listed all there was"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        indexes = [
            models.Index(
                fields=["next_round_at"],
                condition=models.Q(paused=False, every_hours__isnull=False),
                name="source_due",
            )
        ]

    def __str__(self) -> str:
        return self.name


class SourceItem(models.Model):
    """One file, record or manifest of a source, with the documents that were made of it.

    `stamp` tells without reading that it is as it was; `digest` is of what was read, empty while it could not be made a
    document of as a whole: the next round tries again. Then `stamp` is the digest of what was stored last.
    `seen_in` and `gone_in` are rounds, by their jobs' ids.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="items")
    key = models.CharField(max_length=KEY_BYTES_MAX)
    stamp = models.CharField(max_length=200, blank=True, default="")
    digest = models.CharField(max_length=64, blank=True, default="")
    seen_in = models.UUIDField(null=True)
    gone_in = models.UUIDField(null=True)
    documents = models.ManyToManyField(Document, related_name="source_items")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="source_item_once")]
        indexes = [models.Index(fields=["source", "digest"], name="source_item_digest")]

    def __str__(self) -> str:
        return self.key
