"""Facets: which values the documents of a scope have in a field, and how many have each.

Counted are the documents that pass all other filters than the field's own, so that a person sees what choosing another
value would give.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from psycopg import sql

from retrieval_site.database.reading import connection, read
from retrieval_site.errors import AppError
from retrieval_site.kept import Kept
from search.filters.dates import DATES
from search.filters.language import LANGUAGE
from search.filters.values import METADATA, TAGS, is_metadata_field
from search.models import CollectionField
from search.retrieval.encode import searchable_version
from search.retrieval.scope import make_scope, table_for, visible_collections
from search.retrieval.statements import document_conditions, parameters
from search.units.passage import PASSAGE
from search.vectors.tables import VectorTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from models_admin.models import ModelVersion
    from search.querysets import Viewer
    from search.retrieval.types import Scope, SearchRequest

COLLECTION = "collection"
VALUES_MAX = 50
"""Values of one facet, those of the most documents first."""
LISTED_MAX = 1000
"""A field with more distinct values is not listed: people type a part of the one they look for."""
KEPT_FROM_DOCUMENTS, KEPT_SECONDS, KEPT_MAX = 10_000, 15.0, 256
"""Counts of a field of so many documents are kept for some seconds; so many counts."""
TYPED_MAX = 100
"""Characters of what is typed to find a value."""

_FIELD = sql.SQL("""
    held.field_id = ANY(ARRAY(
        SELECT id FROM search_collectionfield
        WHERE name = %(field)s AND collection_id = ANY(%(collections)s::bigint[])
    ))
""")
_COUNT = sql.SQL("""
    SELECT held.value, count(*) FROM search_fieldvalue held WHERE {conditions}
    GROUP BY held.value ORDER BY {order} count(*) DESC, held.value LIMIT %(most)s
""")
_TYPED = sql.SQL("held.value ILIKE %(contains)s")
_BEGINS = sql.SQL("held.value ILIKE %(begins)s DESC,")
_ENDS = sql.SQL("SELECT min({column}), max({column}) FROM search_fieldvalue held WHERE {conditions}")
_DATE_ENDS = sql.SQL("SELECT min({column}), max({column}) FROM {documents} WHERE {conditions}")
_BY_COLLECTION = sql.SQL("""
    SELECT {value}, count(*) FROM {documents} JOIN search_collection collection ON collection.id = collection_id
    WHERE {conditions} AND {named} ILIKE %(contains)s
    GROUP BY {value} ORDER BY count(*) DESC, {value} LIMIT %(most)s
""")
_OF_COLLECTIONS = {
    COLLECTION: ("collection.slug", "collection.name"),
    LANGUAGE: ("collection.language", "collection.language"),
}
"""What every document has by its collection: the value, and what people read and type."""
_DOCUMENTS = sql.SQL(
    "(SELECT id AS document_id, collection_id, created_at, updated_at FROM search_document) listed"
)
_SEEN = sql.SQL("collection_id = ANY(%(collections)s::bigint[])")


@dataclass(frozen=True)
class FacetScope:
    """Whose documents are counted: those that a search of this viewer for this target could find, by its names."""

    viewer: Viewer
    collections: tuple[str, ...] = ()
    filters: dict[str, Any] | None = None
    target: str = PASSAGE.target
    model: str | ModelVersion = "champion"


def facet_scope(request: SearchRequest) -> FacetScope:
    """Return what a search looks among."""
    return FacetScope(request.viewer, request.collections, request.filters, request.target, request.model)


@dataclass(frozen=True)
class Facet:
    """A field's values with their documents; `more`: there are others. Of numbers and dates also the ends."""

    field: str
    type: str
    values: tuple[tuple[str, int], ...] = ()
    more: bool = False
    least: Any = None
    greatest: Any = None


@dataclass(frozen=True)
class Field:
    """A field of some collections: its type, how many documents have it, and about how many values there are.

    Its curators may have given it a `label` and a `place` among the others (0: none), and say that it `is_facet`.
    """

    name: str
    type: str
    documents: int
    distinct_values: int
    label: str = ""
    place: int = 0
    is_facet: bool = True


def check_field(name: str) -> None:
    """Raise AppError `parameter.invalid` for what is no name of a field."""
    others = (TAGS, *_OF_COLLECTIONS, *DATES)
    if name not in others and ("\0" in name or not is_metadata_field(name)):
        known = ", ".join(f"“{known}”" for known in others)
        raise AppError.of_parameter("field", f"A field is {known}, or “metadata.” and a key.")


def fields_of(viewer: Viewer, collections: Sequence[str] = ()) -> list[Field]:
    """Return the fields of the collections that the viewer may see, those of the most documents first.

    Raises AppError `collection.not_found`.
    """
    return read(lambda: fields_in(visible_collections(viewer, collections)))


def fields_in(collections: Sequence[int]) -> list[Field]:
    """Return the fields of these collections, those of the most documents first."""
    return sorted(_fields(collections).values(), key=_place)


def facets(asked: FacetScope, names: Iterable[str]) -> list[Facet]:
    """Return the facets of these fields; raises AppError `parameter.invalid`, `collection.not_found`, `target.*`."""
    for name in names:
        check_field(name)
    return read(lambda: _facets(asked, list(names)))


def facet_values(asked: FacetScope, name: str, typed: str, limit: int = VALUES_MAX) -> Facet:
    """Return the values of one field that contain what was typed, those that begin so first.

    Raises AppError `parameter.invalid`, `collection.not_found`, `target.*`.
    """
    check_field(name)
    return read(lambda: _facet(_scope(asked, name), _unknown(name), typed[:TYPED_MAX], limit))


def _facets(asked: FacetScope, names: Sequence[str]) -> list[Facet]:
    chosen = visible_collections(asked.viewer, asked.collections)
    known = _fields(chosen)
    documents = max((field.documents for field in known.values()), default=0)
    listed = [known.get(name) or _unknown(name, documents) for name in names]
    return [_facet(_scope(asked, field.name, chosen), field) for field in listed]


def _facet(scope: Scope, field: Field, typed: str = "", limit: int = VALUES_MAX) -> Facet:
    """Return one facet; without what is typed, a field of very many values is not listed."""
    if field.documents < KEPT_FROM_DOCUMENTS:
        return _looked_up(scope, field, typed, limit)
    return _kept(scope, field, typed, limit)


def _looked_up(scope: Scope, field: Field, typed: str, limit: int) -> Facet:
    if field.name in _OF_COLLECTIONS:
        value, named = _OF_COLLECTIONS[field.name]
        composed = _of_documents(scope) | {"value": sql.SQL(value), "named": sql.SQL(named)}
        found = _rows(_BY_COLLECTION, scope, composed, most=limit + 1, **_patterns(typed))
        return Facet(field.name, "string", tuple(found[:limit]), more=len(found) > limit)
    if field.name in DATES:
        column = {"column": sql.Identifier(field.name)}
        ((least, greatest),) = _rows(_DATE_ENDS, scope, _of_documents(scope) | column)
        return Facet(field.name, "date", least=least, greatest=greatest)
    facet = Facet(field.name, field.type, more=True)
    if field.distinct_values <= LISTED_MAX or typed:
        facet = _counted(facet, scope, typed, limit)
    return _with_ends(facet, scope)


_facets_kept = Kept[Facet](KEPT_SECONDS, KEPT_MAX)


def _kept(scope: Scope, field: Field, typed: str, limit: int) -> Facet:
    """Return the facet of the last seconds: no search changes it, and of a large field it takes as long as several."""
    key = (
        scope.table,
        scope.collections,
        json.dumps(scope.filters, sort_keys=True),
        field.name,
        typed,
        limit,
    )
    return _facets_kept.get(key, lambda: _looked_up(scope, field, typed, limit))


def _unknown(name: str, documents: int = 0) -> Field:
    """Return a field of which nothing is noted: every document may have it, as its collection, or none."""
    return Field(name, CollectionField.Type.STRING.value, documents, 0)


def _counted(facet: Facet, scope: Scope, typed: str, limit: int) -> Facet:
    conditions = [_FIELD, *document_conditions(scope, _table(scope))]
    order = sql.SQL("")
    if typed:
        conditions, order = [*conditions, _TYPED], _BEGINS
    found = _rows(
        _COUNT, scope, {"conditions": _all(conditions), "order": order},
        field=facet.field, most=limit + 1, **_patterns(typed),
    )  # fmt: skip
    return replace(facet, values=tuple(found[:limit]), more=len(found) > limit)


def _patterns(typed: str) -> dict[str, str]:
    """Return the patterns of values that contain what was typed, and of those that begin so."""
    plain = typed.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"contains": f"%{plain}%", "begins": f"{plain}%"}


def _with_ends(facet: Facet, scope: Scope) -> Facet:
    column = {"number": "number", "date": "moment"}.get(facet.type)
    if column is None:
        return facet
    conditions = _all([_FIELD, *document_conditions(scope, _table(scope))])
    named = {"column": sql.Identifier(column), "conditions": conditions}
    ((least, greatest),) = _rows(_ENDS, scope, named, field=facet.field)
    return replace(facet, least=least, greatest=greatest)


def _of_documents(scope: Scope) -> dict[str, sql.Composable]:
    return {"documents": _DOCUMENTS, "conditions": _all([_SEEN, *document_conditions(scope, _table(scope))])}


def _all(conditions: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(" AND ").join(conditions)


def _rows(
    statement: sql.SQL, scope: Scope, composed: dict[str, sql.Composable], **more: Any
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**composed).as_string(), parameters(scope) | more)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _scope(asked: FacetScope, name: str, chosen: tuple[int, ...] | None = None) -> Scope:
    """Return where to count: without what the field's own filter leaves out. `chosen`: collections, if known."""
    collections = chosen
    if collections is None or (name == COLLECTION and asked.collections):
        collections = visible_collections(asked.viewer, () if name == COLLECTION else asked.collections)
    filters = filters_without(asked.filters or {}, name)
    if asked.target == PASSAGE.target:
        return make_scope(VectorTable(0, PASSAGE.name), collections, filters)
    version = asked.model
    if isinstance(version, str):
        version = searchable_version(version, viewer=asked.viewer)
    return make_scope(table_for(version, asked.target), collections, filters)


def _table(scope: Scope) -> VectorTable | None:
    """Return the table in which a document must have a vector; documents have passages, but not all have pictures."""
    return None if scope.table.kind == PASSAGE.name else scope.table


def filters_without(filters: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the filters but for that of this field."""
    left = {key: value for key, value in filters.items() if key != name}
    if name.startswith(METADATA) and "metadata" in left:
        key = name.removeprefix(METADATA)
        left["metadata"] = {other: value for other, value in left["metadata"].items() if other != key}
    return left


def _fields(collections: Sequence[int]) -> dict[str, Field]:
    """Return the fields of these collections by name, those of one name together."""
    there = Q(documents__gt=0) | Q(stale=True)
    rows = CollectionField.objects.filter(there, collection__in=collections)
    found: dict[str, Field] = {}
    columns = ("name", "type", "documents", "distinct_values", "label", "place", "is_facet")
    for row in rows.values_list(*columns):
        name, own = row[0], Field(*row)
        found[name] = _together(found[name], own) if name in found else own
    return found


def _together(one: Field, other: Field) -> Field:
    """Return a field of two collections; of distinct values, the most that there can be."""
    type_ = one.type if one.type == other.type else CollectionField.Type.STRING.value
    documents = one.documents + other.documents
    return Field(
        one.name,
        type_,
        documents,
        one.distinct_values + other.distinct_values,
        label=one.label or other.label,
        place=one.place or other.place,
        is_facet=one.is_facet or other.is_facet,
    )


def _place(field: Field) -> tuple[int, str]:
    return -field.documents, field.name
