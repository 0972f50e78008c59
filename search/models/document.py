"""Documents and the units of them that are embedded: passages of text and images."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Lower, Upper

from search.models.collection import Collection
from search.querysets import DocumentQuerySet


class Document(models.Model):
    """One retrievable record; its external id is unique in its collection."""

    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="documents", db_index=False
    )
    external_id = models.CharField(max_length=200)
    title = models.CharField(max_length=500, blank=True, default="")
    body = models.TextField(blank=True, default="")
    url = models.URLField(max_length=1000, blank=True, default="")
    tags = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    outline = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="of a document made of a file: where its headings and pages begin in the body",
    )
    content_hash = models.CharField(
        max_length=64, editable=False, default="", help_text="SHA-256 of all that an import can set"
    )
    split_pending = models.BooleanField(
        default=False, editable=False, help_text="a long text whose passages a job has yet to make"
    )
    import_job = models.ForeignKey(
        "workers.Job",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="the import that created it",
    )
    changed_since_import = models.BooleanField(
        default=False, editable=False, help_text="somebody else has changed it since its import"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "external_id"], name="document_external_id_once")
        ]
        indexes = [  # for searches that filter: both are asked by containment
            GinIndex(fields=["tags"], name="document_tags"),
            GinIndex(fields=["metadata"], name="document_metadata", opclasses=["jsonb_path_ops"]),
            models.Index(
                fields=["id"], condition=models.Q(split_pending=True), name="document_split_pending"
            ),
            models.Index(
                fields=["import_job", "id"],
                condition=models.Q(import_job__isnull=False),
                name="document_import_job",
            ),
            # For suggestions: words of titles, and external ids without what separates their parts.
            GinIndex(SearchVector("title", config="simple"), name="document_title_words"),
            models.Index(
                OpClass(
                    models.Func(
                        Lower("external_id"),
                        models.Value("[- _./:#,;()]"),
                        models.Value(""),
                        models.Value("g"),
                        function="regexp_replace",
                    ),
                    name="text_pattern_ops",
                ),
                name="document_identifier_beginning",
            ),
            # For pages that list a collection in this order, and that look for a part of a name.
            models.Index(fields=["collection", "id"], name="document_of_collection"),
            models.Index(fields=["collection", "title", "id"], name="document_title_order"),
            GinIndex(
                OpClass(Upper("title"), name="gin_trgm_ops"),
                OpClass(Upper("external_id"), name="gin_trgm_ops"),
                name="document_name_trigrams",
            ),
            models.Index(fields=["created_at", "id"], name="document_created_at"),
            models.Index(fields=["updated_at", "id"], name="document_updated_at"),
        ]

    def __str__(self) -> str:
        return self.title or self.external_id


class Passage(models.Model):
    """A span of a document's text that is embedded as one unit.

    Rows are immutable: changed text is a new row, so that a vector always belongs to the words it was made from.
    `start` and `end` are character offsets into the document's body (0, 0 for a title-only document). `heading`: the
    titles of the sections that it stands in, which are embedded with it; `page`: from 1, 0 where there are none.
    """

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="passages")
    ordinal = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    text = models.TextField()
    heading = models.CharField(max_length=300, blank=True, default="")
    page = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["document_id", "ordinal"]

    def __str__(self) -> str:
        return self.text[:60]


class DocumentImage(models.Model):
    """A picture of a document, embedded as one unit; the bytes live in the blob store.

    `page`, `box`: of a figure of a file with pages, its page's number and left, top, width and height on that page.
    """

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="images")
    ordinal = models.PositiveIntegerField()
    blob = models.ForeignKey("workers.Blob", on_delete=models.PROTECT, related_name="+")
    width = models.PositiveIntegerField(default=0, help_text="pixels, upright")
    height = models.PositiveIntegerField(default=0, help_text="pixels, upright")
    alt = models.CharField(max_length=300, blank=True, default="")
    page = models.PositiveIntegerField(null=True, blank=True)
    box = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["document_id", "ordinal"]
        constraints = [models.UniqueConstraint(fields=["document", "blob"], name="document_image_once")]

    def __str__(self) -> str:
        return f"image {self.ordinal} of {self.document_id}"
