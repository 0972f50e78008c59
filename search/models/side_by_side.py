"""Two versions' answers to one question beside each other, and what live searches got of the challenger."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from retrieval_site.languages.lazy import gettext_lazy
from search.models.document import Document
from search.models.feedback import Query


class SideBySide(models.Model):
    """One question asked of two versions by one person; each answer is a kept search.

    In a blind one the person sees them as A and B, the second version as A where `swapped`, until a preference is said.
    """

    class Preference(models.TextChoices):
        """What the person said."""

        FIRST = "first", gettext_lazy("the first version's answer")
        SECOND = "second", gettext_lazy("the second version's answer")
        NEITHER = "neither", gettext_lazy("no difference")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    first = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="+")
    first_version = models.ForeignKey("models_admin.ModelVersion", on_delete=models.CASCADE, related_name="+")
    second_version = models.ForeignKey(
        "models_admin.ModelVersion", on_delete=models.CASCADE, related_name="+"
    )
    asked = models.CharField(max_length=64, help_text="SHA-256 of what was asked: the same words or photo")
    blind = models.BooleanField(default=False)
    swapped = models.BooleanField(default=False)
    preference = models.CharField(max_length=10, choices=Preference.choices, blank=True, default="")
    preferred_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "answers side by side"
        indexes = [
            models.Index(
                fields=["first_version", "second_version"],
                condition=models.Q(blind=True) & ~models.Q(preference=""),
                name="side_by_side_preferences",
            )
        ]

    def __str__(self) -> str:
        return f"{self.first_version_id} and {self.second_version_id} side by side, {self.pk}"

    @property
    def order(self) -> tuple[Preference, Preference]:
        """Which answer stands as the first of the two, and which as the second."""
        order = (self.Preference.FIRST, self.Preference.SECOND)
        return order[::-1] if self.swapped else order

    @property
    def is_hidden(self) -> bool:
        """Whether nobody may see yet whose answer is which."""
        return self.blind and not self.preference


class ShadowAnswer(models.Model):
    """What the challenger found for a live search, asked after the answer; `documents` are its first ten.

    `champion` are the documents that the search was answered with, as many.
    """

    query = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="shadows")
    version = models.ForeignKey("models_admin.ModelVersion", on_delete=models.CASCADE, related_name="shadows")
    answered_by = models.ForeignKey("models_admin.ModelVersion", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    documents = models.JSONField(default=list)
    champion = models.JSONField(default=list)
    overlap = models.PositiveSmallIntegerField(help_text="documents that are among the first ten of both")

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["query", "version"], name="shadow_answer_once")]

    def __str__(self) -> str:
        return f"{self.version_id} for {self.query_id}"


class InterleavedAnswer(models.Model):
    """A live search that was drawn to be answered from the champion's and the challenger's ranking by turns.

    `teams` says by a document's id whose turn brought it, of those that stand behind what both begin with. Where the
    challenger was not there in time, the answer is the champion's alone.
    """

    class Outcome(models.TextChoices):
        """What became of it."""

        SHOWN = "shown", gettext_lazy("answered from both")
        LATE = "late", gettext_lazy("the challenger was not there in time")
        FAILED = "failed", gettext_lazy("the challenger could not answer")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    query = models.OneToOneField(Query, on_delete=models.CASCADE, related_name="interleaved")
    version = models.ForeignKey(
        "models_admin.ModelVersion", on_delete=models.CASCADE, related_name="interleaved"
    )
    answered_by = models.ForeignKey("models_admin.ModelVersion", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    teams = models.JSONField(default=dict)
    waited_ms = models.FloatField(default=0.0, help_text="by how much the answer came later for it")

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.version_id} by turns for {self.query_id}"


class ShadowTally(models.Model):
    """How many live searches in the challenger's share were dropped, for nobody had asked it within ten minutes."""

    version = models.OneToOneField(
        "models_admin.ModelVersion", on_delete=models.CASCADE, related_name="shadow_tally", primary_key=True
    )
    dropped = models.PositiveIntegerField(default=0)
    counted_until = models.DateTimeField(help_text="searches made until then are counted")

    class Meta:
        verbose_name_plural = "dropped live searches"

    def __str__(self) -> str:
        return f"{self.dropped} dropped for {self.version_id}"


class OpenedHit(models.Model):
    """A hit that whoever searched opened, kept while a challenger is asked beside the champion."""

    query = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="opened")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["query", "document"], name="opened_hit_once")]

    def __str__(self) -> str:
        return f"{self.document_id} of {self.query_id}"
