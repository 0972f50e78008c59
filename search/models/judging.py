"""Queues of the judging room."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from retrieval_site.languages.lazy import gettext_lazy
from search.models.collection import Collection
from search.models.document import Document
from search.models.feedback import Query


class JudgingQueue(models.Model):
    """Pairs of a search and a document of one collection, which several people judge one after another.

    What they say are judgements like all others: one for each pair and rater.
    """

    class Source(models.TextChoices):
        """Where its pairs come from."""

        UNSURE = "unsure", gettext_lazy("hits near the line of relevance")
        VERSIONS = "versions", gettext_lazy("hits on which two models disagree")
        FILE = "file", gettext_lazy("a file")

    name = models.CharField(max_length=120)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="judging_queues")
    source = models.CharField(max_length=10, choices=Source.choices)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class JudgingPair(models.Model):
    """One question of a queue: how well does this document answer this search?"""

    queue = models.ForeignKey(JudgingQueue, on_delete=models.CASCADE, related_name="pairs", db_index=False)
    place = models.PositiveIntegerField()
    query = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="judging_pairs")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")

    class Meta:
        ordering = ["queue_id", "place"]
        constraints = [
            models.UniqueConstraint(fields=["queue", "place"], name="judging_pair_place"),
            models.UniqueConstraint(fields=["queue", "query", "document"], name="judging_pair_once"),
        ]

    def __str__(self) -> str:
        return f"{self.place} of {self.queue_id}"


class JudgingSkip(models.Model):
    """A pair that a rater left out."""

    pair = models.ForeignKey(JudgingPair, on_delete=models.CASCADE, related_name="skips", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pair", "user"], name="judging_skip_once")]

    def __str__(self) -> str:
        return f"{self.pair_id} skipped by {self.user_id}"
