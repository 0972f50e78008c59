"""Which column of a table becomes what of a document, as a collection keeps it for the next file of that kind."""

from __future__ import annotations

from django.db import models

from search.models.collection import Collection


class KeptTableMapping(models.Model):
    """The mapping of the newest table with these columns; `columns_key` is the same for the same names of columns."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="table_mappings")
    columns_key = models.CharField(max_length=64)
    filename = models.CharField(
        max_length=200, blank=True, default="", help_text="of the table that it was made for"
    )
    mapping = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "columns_key"], name="table_mapping_once")
        ]

    def __str__(self) -> str:
        return self.filename or self.columns_key[:12]
