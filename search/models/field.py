"""The fields that documents have (tags and metadata) and the values that they hold: what filters and facets read.

Derived from the documents and written with them (search/services/fields.py), like an index: a row for each document,
field and value, so that ranges and counts read narrow rows and no document.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from retrieval_site.languages.lazy import gettext_lazy
from search.models.collection import Collection
from search.models.document import Document


class CollectionField(models.Model):
    """A field that documents of a collection have: `tags`, or `metadata.` and a key.

    `type` is that of all its values, `string` where they differ. `documents` and `distinct_values` were counted when
    it was last looked at; `stale`: documents were written or deleted since.

    The others are its curators' to say: `label`, `place` (0: behind those that have one), whether it `is_facet`, and
    which values documents may have, by `wanted_type` and `vocabulary` (empty: any).
    """

    class Type(models.TextChoices):
        """What the values of a field are."""

        STRING = "string", gettext_lazy("string")
        NUMBER = "number", gettext_lazy("number")
        DATE = "date", gettext_lazy("date")
        BOOLEAN = "boolean", gettext_lazy("boolean")

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="fields")
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=10, choices=Type.choices)
    documents = models.PositiveIntegerField(default=0)
    distinct_values = models.PositiveIntegerField(default=0)
    stale = models.BooleanField(default=True)
    label = models.CharField(max_length=100, blank=True, default="", db_default="")
    place = models.PositiveSmallIntegerField(default=0, db_default=0)
    wanted_type = models.CharField(max_length=10, choices=Type.choices, blank=True, default="", db_default="")
    is_facet = models.BooleanField(default=True, db_default=True)
    vocabulary = ArrayField(models.CharField(max_length=200), default=list, db_default=[], blank=True)

    class Meta:
        ordering = ["collection_id", "name"]
        constraints = [models.UniqueConstraint(fields=["collection", "name"], name="collection_field_once")]

    def __str__(self) -> str:
        return self.name


class FieldValue(models.Model):
    """One value of one field of one document: its text, and what it is as a number or a moment."""

    # No constraints in the database: checking two for each value takes as long as storing it. All is written where the
    # collection is locked (search/services), and Django deletes the values of a document with it.
    document = models.ForeignKey(
        Document, on_delete=models.CASCADE, related_name="field_values", db_index=False, db_constraint=False
    )
    field = models.ForeignKey(
        CollectionField, on_delete=models.CASCADE, related_name="values", db_index=False, db_constraint=False
    )
    value = models.CharField(max_length=200)
    number = models.FloatField(null=True, blank=True)
    moment = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["document", "field", "value"], name="field_value_once")
        ]
        indexes = [  # each holds the document, so that no row is visited
            models.Index(fields=["field", "value", "document"], name="field_value_documents"),
            models.Index(
                fields=["field", "number", "document"],
                condition=models.Q(number__isnull=False),
                name="field_value_numbers",
            ),
            models.Index(
                fields=["field", "moment", "document"],
                condition=models.Q(moment__isnull=False),
                name="field_value_moments",
            ),
        ]

    def __str__(self) -> str:
        return self.value
