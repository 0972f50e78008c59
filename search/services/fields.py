"""The fields of collections and their values, written with the documents that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from search.filters.values import TAGS, values_of
from search.models import Collection, CollectionField, Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from search.filters.values import Value

    Holder = tuple[int, Sequence[str], Mapping[str, Any]]

FIELDS_MAX = 500
"""Fields of one collection. Keys beyond them can be filtered by a value, and have no ranges and no facets."""

_FIELDS = "SELECT name, id, type, stale FROM search_collectionfield WHERE collection_id = %s"
_SAVE = """
    INSERT INTO search_collectionfield (collection_id, name, type, documents, distinct_values, stale)
    SELECT %s, name, type, 0, 0, true FROM unnest(%s::text[], %s::text[]) AS written (name, type)
    ON CONFLICT (collection_id, name) DO UPDATE SET type = excluded.type, stale = true
    RETURNING name, id
"""
_CLEAR = "DELETE FROM search_fieldvalue WHERE document_id = ANY(%s)"
_INSERT = """
    INSERT INTO search_fieldvalue (document_id, field_id, value, number, moment)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::float8[], %s::timestamptz[])
"""
_LOCK = "SELECT FROM search_collection WHERE id = %s FOR NO KEY UPDATE"
"""As whoever writes documents does: they wait, so no value is missed."""
_COUNT = """
    UPDATE search_collectionfield field
    SET documents = counted.documents, distinct_values = counted.distinct_values, stale = false,
        type = CASE WHEN counted.values = 0 THEN field.type WHEN counted.numbers = counted.values THEN 'number'
                    WHEN counted.moments = counted.values THEN 'date'
                    WHEN field.type = 'boolean' THEN 'boolean' ELSE 'string' END
    FROM (
        SELECT own.id, count(DISTINCT held.document_id) AS documents, count(DISTINCT held.value) AS distinct_values,
               count(held.id) AS values, count(held.number) AS numbers, count(held.moment) AS moments
        FROM search_collectionfield own LEFT JOIN search_fieldvalue held ON held.field_id = own.id
        WHERE own.collection_id = %s GROUP BY own.id
    ) counted
    WHERE field.id = counted.id
"""


def field_values_write(*, collection_id: int, documents: Sequence[Holder]) -> None:
    """Make these the values of documents of one collection, which are given as id, tags and metadata."""
    held = [(pk, value) for pk, tags, metadata in documents for value in values_of(tags, metadata)]
    with connection.cursor() as cursor:
        cursor.execute(_FIELDS, [collection_id])
        known = {name: (field_id, type_, stale) for name, field_id, type_, stale in cursor.fetchall()}
        changed = _changed(known, [value for _, value in held])
        ids = {name: field_id for name, (field_id, _, _) in known.items()}
        if changed:
            cursor.execute(_SAVE, [collection_id, list(changed), list(changed.values())])
            ids |= dict(cursor.fetchall())
        cursor.execute(_CLEAR, [[pk for pk, *_ in documents]])
        rows = [
            (pk, ids[value.field], value.text, value.number, value.moment)
            for pk, value in held
            if value.field in ids
        ]
        if rows:
            cursor.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])


def field_values_clear(*, documents: Sequence[int]) -> None:
    """Remove the values of documents that leave their collection. Call it in a transaction that has it locked."""
    with connection.cursor() as cursor:
        cursor.execute(_CLEAR, [list(documents)])


def _changed(known: Mapping[str, tuple[int, str, bool]], values: Iterable[Value]) -> dict[str, str]:
    """Return the types of the fields to write: new ones, those of another type now, and those not marked stale."""
    types: dict[str, str] = {}
    for value in values:
        first = types.setdefault(value.field, value.type)
        if first != value.type:
            types[value.field] = CollectionField.Type.STRING
    new = sorted(types.keys() - known.keys(), key=lambda name: (name != TAGS, name))
    new = new[: max(TAGS in new, FIELDS_MAX - len(known))]
    changed = {name: types[name] for name in new}
    for name in sorted(types.keys() & known.keys()):
        _, type_, stale = known[name]
        merged = type_ if type_ == types[name] else CollectionField.Type.STRING.value
        if merged != type_ or not stale:
            changed[name] = merged
    return changed


def fields_stale(*, documents: Sequence[int]) -> None:
    """Say that documents are being deleted: their fields are counted anew before long."""
    collections = Document.objects.filter(pk__in=documents).values("collection")
    CollectionField.objects.filter(collection__in=collections, stale=False).update(stale=True)


def fields_count() -> None:
    """Count the documents and distinct values of the fields that have changed, and find their types anew."""
    stale = Collection.objects.filter(fields__stale=True).distinct()
    for collection in list(stale.values_list("pk", flat=True)):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_LOCK, [collection])
            cursor.execute(_COUNT, [collection])
