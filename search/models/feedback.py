"""Searches that were made, and what people said of their hits."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models.functions import Upper
from django.utils.functional import cached_property

from search.models.document import Document

if TYPE_CHECKING:
    from workers.inference.framing import Crop

COMPOSED = "composed"


class Query(models.Model):
    """One search, kept: who asked where, and the answer; known by an unguessable id. Its parts are rows of QueryPart.

    The answer is one version's, which also made the vectors of the parts. `answer` is the ranked list
    `[{"document", "score", <kind of the unit>: <its id>}]` as it was given; whoever opens the query later sees of it
    only what they may see then.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    session = models.CharField(
        max_length=40,
        blank=True,
        default="",
        help_text="keyed hash of an anonymous searcher's session key (search/sessions.py)",
    )
    mode = models.CharField(max_length=10, default="dense", help_text="auto, dense, lexical or hybrid")
    target = models.CharField(max_length=10, default="passages")
    collections = models.JSONField(default=list, blank=True)
    filters = models.JSONField(default=dict, blank=True)
    sort = models.CharField(max_length=210, default="relevance")
    version = models.ForeignKey("models_admin.ModelVersion", null=True, blank=True, on_delete=models.SET_NULL)
    answer = models.JSONField(default=list, blank=True)
    plan = models.JSONField(default=dict, blank=True)
    match = models.CharField(
        max_length=4, blank=True, default="", help_text="good, weak or none: whether anything fits"
    )
    min_relevance = models.FloatField(null=True, blank=True)
    warnings = models.JSONField(default=list, blank=True, help_text="what should be known of the answer")
    timings_ms = models.JSONField(default=dict, blank=True)
    listed = models.BooleanField(
        default=True, help_text="whether its user's history has it; not one that a judging queue's file made"
    )
    marked = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="moved",
        db_index=False,
        help_text="the search in whose answer documents were marked, which moved this one",
    )
    marks = models.JSONField(
        null=True, blank=True, help_text="the documents that were marked, as relevant and not_relevant"
    )
    moved_vector = models.BinaryField(
        null=True, blank=True, help_text="what is searched with where marks moved it, little-endian float32"
    )

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["created_at"], name="query_created_at"),  # old ones are ended in this order
            models.Index(
                fields=["user", "-created_at"],
                condition=models.Q(user__isnull=False),
                name="query_of_user",
            ),
            models.Index(fields=["marked"], condition=models.Q(marked__isnull=False), name="query_marked"),
        ]
        verbose_name_plural = "queries"

    def __str__(self) -> str:
        return f"{self.modality} query {self.id}"

    @cached_property
    def asked(self) -> list[QueryPart]:
        """The parts that it asks with, in their order. Prefetch `parts` where many queries are read."""
        return list(self.parts.all())

    @property
    def judged_id(self) -> uuid.UUID:
        """The search for which documents of its answer are judged: where marks moved it, the one they stand on."""
        return self.marked_id or self.pk

    @property
    def part(self) -> QueryPart | None:
        """The one part that it asks with; None where there are several."""
        return self.asked[0] if len(self.asked) == 1 else None

    @property
    def modality(self) -> str:
        """What was asked with: the one part's modality, "composed" where there are several."""
        if not self.asked:
            return ""
        return self.part.modality if self.part else COMPOSED

    @property
    def text(self) -> str:
        """The words that were asked with, "" for anything else and where there are several parts."""
        return self.part.text if self.part else ""


class QueryPart(models.Model):
    """One thing that a search asks with, and how much it counts: from −1 (away from it) to 1."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    query = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="parts", db_index=False)
    place = models.PositiveSmallIntegerField(default=0)
    modality = models.CharField(max_length=10, help_text="image, text, document or embedding")
    weight = models.FloatField(default=1.0)
    text = models.TextField(blank=True, default="")
    embedding = models.BinaryField(
        null=True, blank=True, help_text="its vectors under the query's version, little-endian float32"
    )
    document = models.ForeignKey(Document, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    preview = models.ForeignKey(
        "workers.Blob",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="the query photo, small, without metadata, turned as it was asked with",
    )
    turn = models.PositiveSmallIntegerField(
        default=0, help_text="degrees by which the photo was turned clockwise"
    )
    crop = ArrayField(
        models.FloatField(),
        size=4,
        null=True,
        blank=True,
        help_text="left, top, width and height of the part that counts, as fractions of the turned photo",
    )
    digest = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="SHA-256 of the photo's file, which is at hand for a while",
    )
    sent_with = models.ForeignKey(
        Query,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="the earlier search with which the photo or vector came in: deleting that one takes it away here",
    )
    text_read = models.JSONField(
        null=True, blank=True, help_text="lines and barcodes of the photo; null: not read"
    )

    class Meta:
        ordering = ["place"]
        constraints = [models.UniqueConstraint(fields=["query", "place"], name="query_part_place")]
        indexes = [  # that of words for whoever looks for a part of them
            GinIndex(OpClass(Upper("text"), name="gin_trgm_ops"), name="query_part_text_trigrams"),
            models.Index(
                fields=["sent_with"], condition=models.Q(sent_with__isnull=False), name="query_part_sent_with"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.modality} part {self.place} of {self.query_id}"

    @property
    def shown_crop(self) -> Crop | None:
        """The part of the photo that counts, None for all of it; the small copy is turned already."""
        return None if self.crop is None else (self.crop[0], self.crop[1], self.crop[2], self.crop[3])


class Judgement(models.Model):
    """A person's grade of one document for one query: 0 not relevant … 3 perfect.

    `is_new`: there was no earlier one, as whoever has just written it knows.
    """

    is_new = False

    query = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="judgements")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="judgements")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE)
    session = models.CharField(
        max_length=40,
        blank=True,
        default="",
        help_text="keyed hash of an anonymous rater's session key (search/sessions.py)",
    )
    grade = models.PositiveSmallIntegerField(validators=[MaxValueValidator(3)])
    comment = models.TextField(blank=True, default="", max_length=2000)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["query", "document", "user", "session"], name="judgement_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=models.Q(grade__lte=3), name="judgement_grade_0_to_3"),
        ]
        indexes = [
            GinIndex(OpClass(Upper("comment"), name="gin_trgm_ops"), name="judgement_comment_trigrams"),
        ]

    def __str__(self) -> str:
        return f"{self.grade} for {self.document_id} on {self.query_id}"
