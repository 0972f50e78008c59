"""The identifiers that documents name: part numbers, serials, their own ids."""

from __future__ import annotations

from django.db import models

from search.models.document import Document


class DocumentIdentifier(models.Model):
    """An identifier of a document, normalised: `kx204b` for “KX-204/B”; see search/words/identifiers.py."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="identifiers")
    value = models.CharField(max_length=100)
    source = models.CharField(max_length=10)

    class Meta:
        indexes = [models.Index(fields=["value"], name="document_identifier_value")]
        constraints = [models.UniqueConstraint(fields=["document", "value"], name="document_identifier_once")]

    def __str__(self) -> str:
        return f"{self.value} of {self.document_id}"
