"""The file that a document was made of, its former versions, and its pages."""

from __future__ import annotations

from django.db import models

from search.models.document import Document


class DocumentFile(models.Model):
    """A file that a document was made of; the current one has not been replaced.

    `blob` is empty where the collection keeps no files; the SHA-256 stays, so that a file that comes again is known.
    """

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=12, help_text="as workers/extraction/kinds.py names it")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="bytes")
    blob = models.ForeignKey("workers.Blob", null=True, on_delete=models.PROTECT, related_name="+")
    page_count = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=list, help_text="what was left out, a sentence each")
    created_at = models.DateTimeField(auto_now_add=True)
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["document"], condition=models.Q(replaced_at=None), name="document_file_current"
            )
        ]

    def __str__(self) -> str:
        return self.name


class DocumentPage(models.Model):
    """A page of a document's file: its picture, and where on it the text stands.

    `boxes`: `[start, end, left, top, width, height]` of each block, characters of the body and fractions of the page.
    """

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField()
    blob = models.ForeignKey("workers.Blob", null=True, on_delete=models.PROTECT, related_name="+")
    width = models.PositiveIntegerField(default=0, help_text="of its picture, in pixels")
    height = models.PositiveIntegerField(default=0, help_text="of its picture, in pixels")
    is_read = models.BooleanField(default=False, help_text="its text comes from character recognition")
    is_unread = models.BooleanField(
        default=False, db_default=False, help_text="character recognition failed, or found nothing"
    )
    boxes = models.JSONField(default=list)

    class Meta:
        ordering = ["document_id", "number"]
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="document_page_once")]
        indexes = [
            models.Index(fields=["document"], condition=models.Q(is_unread=True), name="document_page_unread")
        ]

    def __str__(self) -> str:
        return f"page {self.number} of {self.document_id}"

    def boxes_between(self, start: int, end: int) -> list[list[float]]:
        """Return the boxes of the blocks that the body's characters from `start` to before `end` stand in."""
        return [box for begins, ends, *box in self.boxes if begins < end and ends > start]
