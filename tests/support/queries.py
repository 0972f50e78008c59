"""Kept searches for tests: a row with the part that it asks with."""

from __future__ import annotations

from typing import Any

from search.models import Query, QueryPart

PART = ("modality", "text", "document", "document_id", "preview", "embedding", "weight")


def make_query(**fields: Any) -> Query:
    """A kept search; `modality`, `text`, `document`, `preview`, `embedding` and `weight` are its part's."""
    part = {name: fields.pop(name) for name in PART if name in fields}
    query = Query.objects.create(**fields)
    QueryPart.objects.create(query=query, **part)
    return query
