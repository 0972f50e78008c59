"""The hits of a kept search as a table that other tools read."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from retrieval_site.database.reading import read
from search.models import Document
from search.retrieval.pages import hits_in
from search.retrieval.scope import visible_collections
from search.spreadsheets import csv_line
from search.units.registry import unit_kind, unit_kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from search.models import Query
    from search.querysets import Viewer
    from search.retrieval.types import Hit, Ranking

HIT_COLUMNS = (
    "rank", "score", "relevance", "document_id", "collection", "external_id", "title", "url", "strength",
)  # fmt: skip
METADATA_COLUMNS_MAX = 200
"""A spreadsheet with more columns serves nobody; JSON has all of them."""


def csv_lines(query: Query, ranking: Ranking, viewer: Viewer) -> Iterator[str]:
    """Yield a header and one line for each hit: the document, the unit that was found, and its metadata by name."""
    shape = unit_kind_of(query.target).shown.answer
    unit_fields = [field.name for field in fields(shape)]
    names = read(lambda: metadata_names(ranking, viewer))
    found = [f"{unit_kind_of(query.target).name}.{name}" for name in unit_fields]
    yield csv_line((*HIT_COLUMNS, "tags", *found, *(f"metadata.{name}" for name in names)))
    for hit in hits_in(query, ranking, viewer):
        own = (*hit_cells(hit), _written(hit.document.tags))
        yield csv_line((*own, *_unit_cells(hit, unit_fields), *_metadata_cells(hit, names)))


def metadata_names(ranking: Ranking, viewer: Viewer) -> list[str]:
    """Return the names of the metadata that the answer's documents have, as far as the viewer may see them."""
    ids = [ranked.document_id for ranked in ranking.documents]
    rows = Document.objects.filter(pk__in=ids, collection__in=visible_collections(viewer)).order_by()
    names = rows.extra(select={"name": "jsonb_object_keys(metadata)"}).values_list("name", flat=True)
    return sorted(names.distinct()[:METADATA_COLUMNS_MAX])


def hit_cells(hit: Hit) -> list[Any]:
    """Return what `HIT_COLUMNS` name."""
    document = hit.document
    return [
        hit.rank, round(hit.score, 6), hit.relevance, document.pk, document.collection.slug, document.external_id,
        document.title, document.url, hit.strength,
    ]  # fmt: skip


def _unit_cells(hit: Hit, names: Sequence[str]) -> list[Any]:
    if hit.unit is None:
        return [None for _ in names]
    said = vars(unit_kind(hit.kind).shown.answer.of(hit.unit))
    return [said[name] for name in names]


def _metadata_cells(hit: Hit, names: Sequence[str]) -> list[Any]:
    return [_written(hit.document.metadata.get(name)) for name in names]


def _written(value: Any) -> Any:
    """Return a JSON value as a cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return "; ".join(str(item) for item in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value
