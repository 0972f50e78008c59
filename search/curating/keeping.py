"""Taking documents out of their tables with all that belongs to them, and putting them back as they were.

What belongs to a document is read from the models: every row that would be deleted with it is kept, so a model that is
added later is kept too. What is derived from a document is made again: its fields' values, its identifiers, the words
of its passages (a trigger), and its vectors (a job).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core import serializers
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from search.models import (
    Document,
    DocumentIdentifier,
    FieldValue,
    NearDuplicate,
    TrashedBlob,
    TrashedDocument,
)
from search.services.document_identifiers import identifiers_replace
from search.services.documents import documents_delete
from search.services.fields import field_values_write
from workers.models import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.contrib.auth.base_user import AbstractBaseUser

    Row = models.Model
    Relation = tuple[type[models.Model], models.ForeignKey[Any, Any]]

DERIVED: tuple[type[models.Model], ...] = (DocumentIdentifier, FieldValue, NearDuplicate)


def documents_take_out(
    *, documents: Sequence[Document], by: AbstractBaseUser | None
) -> list[TrashedDocument]:
    """Move documents with all that belongs to them into the trash. Call it in a transaction that has them locked."""
    trashed = {
        document.pk: TrashedDocument(
            document_id=document.pk,
            collection_id=document.collection_id,
            external_id=document.external_id,
            title=document.title,
            kept=[],
            linked=[],
            deleted_by_id=by.pk if by else None,
        )
        for document in documents
    }
    files = set()
    for root, row in _belonging(documents):
        trashed[root].kept.append(_plain(row))
        files |= {(root, blob) for blob in _blobs(row)}
    for root, link in _links(list(trashed)):
        trashed[root].linked.append(link)
    TrashedDocument.objects.bulk_create(trashed.values())
    TrashedBlob.objects.bulk_create(TrashedBlob(trashed_id=root, blob_id=blob) for root, blob in files)
    documents_delete(documents=trashed)
    return list(trashed.values())


def documents_put_back(*, trashed: Sequence[TrashedDocument]) -> list[int]:
    """Put trashed documents back under their former ids, and return these. Call it in a transaction.

    What named a row that is gone by now, as a judgement of a search that was deleted, stays away.
    """
    rows: dict[type[Row], list[Row]] = defaultdict(list)
    for one in trashed:
        for read in serializers.deserialize("python", one.kept, ignorenonexistent=True):
            rows[type(read.object)].append(read.object)
    for model, of_model in rows.items():  # in the order in which they were kept: what is named comes first
        rows_insert(model, of_model)
    _link_again(trashed)
    documents = [one for one in rows[Document] if isinstance(one, Document)]
    identifiers_replace(documents)
    by_collection: dict[int, list[Document]] = defaultdict(list)
    for document in documents:
        by_collection[document.collection_id].append(document)
    for collection, held in by_collection.items():
        values = [(document.pk, document.tags, document.metadata) for document in held]
        field_values_write(collection_id=collection, documents=values)
    TrashedDocument.objects.filter(pk__in=[one.pk for one in trashed]).delete()
    return [document.pk for document in documents]


def _belonging(documents: Sequence[Document]) -> Iterator[tuple[int, Row]]:
    """Yield the id of a document with each row that goes with it, what is named before what names it."""
    level: dict[type[Row], dict[Any, int]] = {Document: {document.pk: document.pk for document in documents}}
    for document in documents:
        yield document.pk, document
    seen: set[tuple[type[Row], Any]] = set()
    while level:
        below: dict[type[Row], dict[Any, int]] = {}
        for model, roots in level.items():
            for child, field in _relations(model, models.CASCADE):
                rows = child._base_manager.filter(**{f"{field.name}__in": list(roots)}).order_by("pk")
                for row in rows:
                    if (child, row.pk) not in seen:
                        seen.add((child, row.pk))
                        root = roots[getattr(row, field.attname)]
                        below.setdefault(child, {})[row.pk] = root
                        yield root, row
        level = below


def _relations(model: type[Row], on_delete: Any) -> Iterator[Relation]:
    """Yield the foreign keys to a model that do this when its row is deleted."""
    for relation in model._meta.get_fields(include_hidden=True):
        if not isinstance(relation, models.ManyToOneRel) or relation.related_model in DERIVED:
            continue
        if relation.on_delete is on_delete and isinstance(relation.field, models.ForeignKey):
            yield relation.field.model, relation.field


def _links(documents: list[int]) -> Iterator[tuple[int, list[Any]]]:
    """Yield what names a document and stays without it, as [model, field, key of the row]."""
    for model, field in _relations(Document, models.SET_NULL):
        rows = model._base_manager.filter(**{f"{field.name}__in": documents})
        for pk, root in rows.values_list("pk", field.attname):
            yield root, [model._meta.label_lower, field.name, _json(pk)]


def _link_again(trashed: Sequence[TrashedDocument]) -> None:
    by_field = {
        (field.model._meta.label_lower, field.name): field
        for _, field in _relations(Document, models.SET_NULL)
    }
    for one in trashed:
        for model, name, pk in one.linked:
            if field := by_field.get((model, name)):
                rows = field.model._base_manager.filter(pk=pk, **{f"{name}__isnull": True})
                rows.update(**{name: one.pk})


def _plain(row: Row) -> dict[str, Any]:
    """Return a row as JSON holds it."""
    (plain,) = serializers.serialize("python", [row])
    return {name: _json(value) for name, value in plain.items()}


def _json(value: Any) -> Any:
    """Return a value as JSON holds it: dates, UUIDs and decimals as text."""
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, datetime):
        return value.isoformat()  # the encoder would drop the microseconds
    return DjangoJSONEncoder().default(value)


def _blobs(row: Row) -> Iterator[str]:
    for field in row._meta.concrete_fields:
        names_a_file = isinstance(field, models.ForeignKey) and field.related_model is Blob
        if names_a_file and (sha256 := getattr(row, field.attname)) is not None:
            yield sha256


def rows_insert(model: type[Row], rows: list[Row]) -> None:
    """Insert rows as they were: with their keys and dates, but for those that name what is gone."""
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            rows = _with_target(field, rows)
    dated = [field for field in model._meta.concrete_fields if _sets_itself(field)]
    dates = [[getattr(row, field.attname) for field in dated] for row in rows]
    model._base_manager.bulk_create(rows)
    if dated and rows:
        for row, values in zip(rows, dates, strict=True):
            for field, value in zip(dated, values, strict=True):
                setattr(row, field.attname, value)
        model._base_manager.bulk_update(rows, [field.name for field in dated])


def _with_target(field: models.ForeignKey[Any, Any], rows: list[Row]) -> list[Row]:
    named = {getattr(row, field.attname) for row in rows} - {None}
    if not named:
        return rows
    there = set(field.related_model._base_manager.filter(pk__in=named).values_list("pk", flat=True))
    if field.null and field.remote_field.on_delete is not models.CASCADE:
        for row in rows:
            if getattr(row, field.attname) not in there:
                setattr(row, field.attname, None)
        return rows
    return [row for row in rows if getattr(row, field.attname) in {*there, None}]


def _sets_itself(field: models.Field[Any, Any]) -> bool:
    return bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))
