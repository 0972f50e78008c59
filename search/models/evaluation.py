"""Evaluation sets: queries with known answers, and how well each model version found them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from retrieval_site.languages.lazy import gettext_lazy
from search.models.collection import Collection
from search.models.document import Document
from search.models.feedback import Query


class EvaluationSet(models.Model):
    """Queries with the documents that answer them. It is frozen: its queries and grades are never changed.

    What is deleted elsewhere leaves it, too: a pair with its document, a judged search with the search. `size` is how
    many queries it had at first.
    """

    class Source(models.TextChoices):
        """Where its queries come from."""

        PAIRS = "pairs", gettext_lazy("documents of a collection that have a picture and a text")
        JUDGEMENTS = "judgements", gettext_lazy("searches that people judged")
        QRELS = "qrels", gettext_lazy("a file of queries and a file of relevant documents (TREC qrels)")

    name = models.CharField(max_length=120, unique=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    collection = models.ForeignKey(
        Collection,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="evaluation_sets",
        help_text="where its queries are asked; judged searches are asked where they were made",
    )
    relevant_from = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(3)],
        help_text="the lowest grade of a document that counts as relevant",
    )
    size = models.PositiveIntegerField(default=0, help_text="queries that it was made with")
    note = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class EvaluationQuery(models.Model):
    """One query of a set: words, a picture, or a search that was judged; `grades` by the ids of documents."""

    evaluation_set = models.ForeignKey(
        EvaluationSet, on_delete=models.CASCADE, related_name="queries", db_index=False
    )
    place = models.PositiveIntegerField()
    name = models.CharField(
        max_length=120, help_text="its id in the file, or the document that it comes from"
    )
    modality = models.CharField(max_length=10, help_text="image, text or document")
    target = models.CharField(max_length=10, default="passages")
    text = models.TextField(blank=True, default="")
    picture = models.ForeignKey(
        "workers.Blob", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    judged = models.ForeignKey(Query, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    document = models.ForeignKey(
        Document,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="the document whose own picture or text asks",
    )
    grades = models.JSONField(default=dict)

    class Meta:
        ordering = ["evaluation_set_id", "place"]
        verbose_name_plural = "evaluation queries"
        constraints = [
            models.UniqueConstraint(fields=["evaluation_set", "place"], name="evaluation_query_place")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.evaluation_set_id}"


class EvaluationResult(models.Model):
    """How well a version answered one direction of a set (such as pictures for texts) at one time; never changed.

    `measures` holds each measure's mean with its interval; `values` the queries' own, by their ids, so that two
    versions can be compared on the same queries. `against` is what another version had then, and the differences.
    """

    evaluation_set = models.ForeignKey(
        EvaluationSet, on_delete=models.CASCADE, related_name="results", db_index=False
    )
    version = models.ForeignKey(
        "models_admin.ModelVersion", on_delete=models.CASCADE, related_name="evaluation_results"
    )
    run = models.UUIDField(default=uuid.uuid4, help_text="the job that measured it")
    direction = models.CharField(max_length=30, help_text="what asks and what is found, as image → passages")
    at = models.DateTimeField(auto_now_add=True)
    queries = models.PositiveIntegerField()
    left_out = models.PositiveIntegerField(default=0)
    measures = models.JSONField(default=dict)
    values = models.JSONField(default=dict)
    against = models.JSONField(default=dict, blank=True)
    cost = models.JSONField(default=dict, blank=True)
    coverage = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["evaluation_set", "version", "direction", "run"], name="evaluation_result_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.version_id} on {self.evaluation_set_id}, {self.direction}"
