"""Last step: from ranked units to hits with their documents, in one statement however many there are."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from retrieval_site.database import Prepared
from retrieval_site.database.reading import connection
from retrieval_site.rows import columns
from search.models import Collection, Document, DocumentImage, Passage
from search.retrieval.types import Hit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.models import Model

    from retrieval_site.rows import Columns
    from search.retrieval.types import Unit
    from search.vectors.tables import UnitKind

_SELECT = """
    SELECT unit.id, {columns}
    FROM unnest(%(units)s::bigint[], %(documents)s::bigint[]) AS unit (id, document_id)
    JOIN search_document document ON document.id = unit.document_id
    JOIN search_collection collection ON collection.id = document.collection_id
    {joins}
    WHERE document.collection_id = ANY(%(collections)s::bigint[])
"""
BODY_BYTES_MAX = 200_000
"""A longer body is not fetched for a hit, which then shows its passage alone: a page of them would be 100 MB."""

_BODY = 'document."body"'
_SHORT_BODY = f"CASE WHEN octet_length({_BODY}) <= {BODY_BYTES_MAX} THEN {_BODY} ELSE '' END"
# What a hit shows of a unit beside its document; outer joins, for it may be gone since the search, or never have been.
_PASSAGE = """
    LEFT JOIN search_passage passage ON passage.id = unit.id
    LEFT JOIN LATERAL (
        SELECT * FROM search_documentimage WHERE document_id = document.id ORDER BY ordinal LIMIT 1
    ) cover ON true
"""
_IMAGE = "LEFT JOIN search_documentimage image ON image.id = unit.id"
_SHOWN: dict[UnitKind, tuple[str, dict[str, type[Model]]]] = {
    "passage": (_PASSAGE, {"passage": Passage, "cover": DocumentImage}),
    "image": (_IMAGE, {"image": DocumentImage}),
}


def present(
    units: Sequence[Unit], kind: UnitKind, collections: Sequence[int], first_rank: int = 1
) -> list[Hit]:
    """Return a hit for every unit whose document is in one of the collections; others are gone or hidden now.

    A vector's own collection was checked by the search; the document's is checked again here, so that a document
    that is moving between collections at this moment is shown to nobody too many.
    """
    found = dict(_found(units, kind, collections))
    shown = [unit for unit in units if unit.unit_id in found]
    return [Hit(rank, unit.score, **found[unit.unit_id]) for rank, unit in enumerate(shown, first_rank)]


def _found(
    units: Sequence[Unit], kind: UnitKind, collections: Sequence[int]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each unit's id with what its hit shows."""
    statement, parts = _statement(kind)
    asked = {
        "units": [unit.unit_id for unit in units],
        "documents": [unit.document_id for unit in units],
        "collections": list(collections),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        rows = cursor.fetchall()
    known: dict[tuple[str, Any], Any] = {}
    for unit_id, *values in rows:
        shown = _instances(parts, values, known)
        shown["document"].collection = shown.pop("collection")
        yield unit_id, shown


def _instances(
    parts: Sequence[Columns[Any]], values: Sequence[Any], known: dict[tuple[str, Any], Any]
) -> dict[str, Any]:
    """Return an instance for each part of a row, None for what an outer join did not find; `known`: of other rows."""
    found: dict[str, Any] = {}
    for part in parts:
        own, values = part.split(values)
        key = part.alias, own[0]
        if own[0] is not None and key not in known:
            known[key] = part.instance(own)
        found[part.alias] = known.get(key)
    return found


@cache
def _statement(kind: UnitKind) -> tuple[Prepared, tuple[Columns[Any], ...]]:
    """Return the statement and the parts of its rows behind the unit's id."""
    joins, models = _SHOWN[kind]
    every: dict[str, type[Model]] = {"document": Document, "collection": Collection, **models}
    parts = tuple(columns(model, alias) for alias, model in every.items())
    selected = ", ".join(part.sql for part in parts).replace(_BODY, _SHORT_BODY)
    return Prepared(_SELECT.format(columns=selected, joins=joins)), parts
