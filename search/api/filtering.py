"""What narrows and sorts a search, as callers send it: filters, the names of fields, and the order."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from search.api.parameters import JsonObjectField, refuse_unknown
from search.filters.registry import FILTERS, FILTERS_SCHEMA, check_filters
from search.filters.values import NAME_MAX
from search.retrieval.facets import check_field
from search.retrieval.sort import check_sort

SORT_MAX = NAME_MAX + len("-")


@extend_schema_field(FILTERS_SCHEMA)
class FiltersField(JsonObjectField):
    """Values by names of search/filters; a document must have all that they ask for."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the filters; refuses other keys and shapes."""
        filters = super().to_internal_value(data)
        refuse_unknown((f"filters.{key}" for key in filters), [f"filters.{name}" for name in FILTERS])
        check_filters(filters)
        return filters


class SortField(serializers.CharField):
    """What the documents that were found are sorted by."""

    default_help = (
        "relevance, or created_at, updated_at, title, `metadata.` and a key; downwards with `-` before it"
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(help_text=self.default_help, **options)

    def to_internal_value(self, data: Any) -> str:
        """Return the order; refuses what nothing can be sorted by."""
        sort = super().to_internal_value(data)
        check_sort(sort)
        return sort


@extend_schema_field(
    {
        "type": "string",
        "maxLength": NAME_MAX,
        "pattern": r"^(tags|collection|language|created_at|updated_at|metadata\.[^\x00\s].*)$",
    }
)
class FieldNameField(serializers.CharField):
    """The name of a field that documents have."""

    def to_internal_value(self, data: Any) -> str:
        """Return the name; refuses what no field is called."""
        name = super().to_internal_value(data)
        check_field(name)
        return name
