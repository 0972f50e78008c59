"""Making documents what a change wants them to be, many at a time. All of it in a transaction that has them locked."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import F
from django.utils import timezone
from psycopg import sql

from retrieval_site.errors import AppError
from search.curating.judged import judgements_replace
from search.curating.keeping import documents_take_out
from search.curating.states import TEXTS, metadata_with
from search.models import Document, SourceItem
from search.services.document_fields import DocumentFields, ImageInput, check_record, content_hash
from search.services.document_files import files_replace
from search.services.document_identifiers import identifiers_replace
from search.services.document_units import SPLIT_AT_ONCE_CHARACTERS, images_replace, units_replace
from search.services.field_rules import check_rules
from search.services.fields import field_values_clear, field_values_write, fields_stale
from search.vectors.tables import table_names
from workers.models import Blob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.base_user import AbstractBaseUser

    from search.curating.states import State
    from search.services.field_rules import FieldRules

    Wanted = tuple[Document, State]

_EDITED = (*TEXTS, "tags", "metadata", "content_hash", "updated_at", "changed_since_import", "split_pending")
_EDITS = frozenset({*TEXTS, "tags", "metadata", "images"})


def check_wanted(document: Document, wanted: State, rules: FieldRules, *, of_file: bool) -> None:
    """Raise AppError `document.*` or `field.*` for what a document may not become; `of_file`: it was made of one."""
    if not wanted.keys() & {*_EDITS, "collection"}:
        return
    fields = _fields_with(document, wanted)
    check_rules(rules, fields.tags, fields.metadata)
    if wanted.keys() & _EDITS:
        images = _images(wanted["images"]) if "images" in wanted else None
        check_record(document.external_id, fields, images, of_file=of_file)


def documents_write(wanted: Sequence[Wanted], by: AbstractBaseUser | None) -> None:
    """Write what was checked: edits, then moves, then what goes into the trash."""
    _edit([one for one in wanted if _EDITS & one[1].keys()])
    for document, state in wanted:
        if "judgements" in state:
            judgements_replace(document.pk, state["judgements"])
    _move([one for one in wanted if "collection" in one[1]])
    if gone := [document for document, state in wanted if state.get("trashed")]:
        documents_take_out(documents=gone, by=by)


def _fields_with(document: Document, wanted: State) -> DocumentFields:
    tags = wanted.get("tags", document.tags)
    metadata = metadata_with(document.metadata, wanted.get("metadata", {}))
    words = {name: wanted.get(name, getattr(document, name)) for name in ("title", "body", "url")}
    return DocumentFields(**words, tags=tuple(tags), metadata=metadata)


def _images(rows: Sequence[Sequence[object]]) -> list[ImageInput]:
    return [ImageInput(*row) for row in rows]  # type: ignore[arg-type]


def _edit(wanted: Sequence[Wanted]) -> None:
    """Write texts, tags, metadata and pictures with all that is derived from them."""
    if not wanted:
        return
    pictures = {}
    for document, state in wanted:
        fields = _fields_with(document, state)
        document.tags, document.metadata = list(fields.tags), fields.metadata
        _set_text(document, state)
        images = [(image.blob_id, image.alt) for image in document.images.all()]
        if "images" in state:
            pictures[document.pk] = _images(state["images"])
            images = [(image.blob_id, image.alt) for image in pictures[document.pk]]
        document.content_hash = content_hash(fields, images)
        document.updated_at, document.changed_since_import = timezone.now(), True
    documents = [document for document, _ in wanted]
    Document.objects.bulk_update(documents, _EDITED)
    if pictures:
        images_replace(pictures)
    texts = [document for document, state in wanted if state.keys() & set(TEXTS)]
    if texts:
        units_replace(texts, [None] * len(texts))
        files_replace(texts, [None] * len(texts))
    if naming := [document for document, state in wanted if state.keys() & {*TEXTS, "metadata"}]:
        identifiers_replace(naming)
    _write_values(documents)


def _set_text(document: Document, state: State) -> None:
    """Give a document its texts; a job splits one that is too long to be split meanwhile."""
    for name in TEXTS:
        setattr(document, name, state.get(name, getattr(document, name)))
    if "body" in state:
        document.split_pending = len(document.body) > SPLIT_AT_ONCE_CHARACTERS


def _write_values(documents: Sequence[Document]) -> None:
    by_collection: dict[int, list[Document]] = defaultdict(list)
    for document in documents:
        by_collection[document.collection_id].append(document)
    for collection, held in by_collection.items():
        values = [(document.pk, document.tags, document.metadata) for document in held]
        field_values_write(collection_id=collection, documents=values)


def _move(wanted: Sequence[Wanted]) -> None:
    """Give documents their new collection, and with them their vectors, words (by a trigger) and field values.

    Whoever writes a vector reads the collection under a lock on the document, so none is left behind.
    """
    if not wanted:
        return
    documents = [document for document, _ in wanted]
    fields_stale(documents=[document.pk for document in documents])
    field_values_clear(documents=[document.pk for document in documents])
    for document, state in wanted:
        document.collection_id = state["collection"]
        document.updated_at, document.changed_since_import = timezone.now(), True
    Document.objects.bulk_update(documents, ["collection", "updated_at", "changed_since_import"])
    _leave_sources(documents)
    _write_values(documents)
    by_target: dict[int, list[int]] = defaultdict(list)
    for document in documents:
        by_target[document.collection_id].append(document.pk)
    for target, moved in by_target.items():
        _move_vectors(target, moved)


def _leave_sources(documents: Sequence[Document]) -> None:
    """Have no source follow what is not of its collection any more: what goes there must not take it along."""
    links = SourceItem.documents.through.objects.filter(document__in=documents)
    links.exclude(sourceitem__source__collection=F("document__collection")).delete()


def _move_vectors(target: int, documents: list[int]) -> None:
    statement = sql.SQL("UPDATE {} SET collection_id = %s WHERE document_id = ANY(%s)")
    with connection.cursor() as cursor:
        for table in table_names():
            cursor.execute(statement.format(table.identifier).as_string(), [target, documents])


def refuse_taken(wanted: Sequence[Wanted]) -> set[int]:
    """Return the documents that cannot move because another one has their external id there, or moves there too."""
    moving = [(document, state["collection"]) for document, state in wanted if "collection" in state]
    rows = Document.objects.filter(
        collection__in={target for _, target in moving},
        external_id__in={document.external_id for document, _ in moving},
    )
    taken = set(rows.values_list("collection_id", "external_id"))
    refused = set()
    for document, target in moving:
        if (target, document.external_id) in taken:
            refused.add(document.pk)
        taken.add((target, document.external_id))
    return refused


def refusal_of(document: Document, wanted: State, rules: FieldRules, *, of_file: bool) -> AppError | None:
    """Return what keeps a document from becoming so."""
    try:
        check_wanted(document, wanted, rules, of_file=of_file)
    except AppError as error:
        return error
    return None


def pictures_swept(wanted: Sequence[Wanted]) -> set[int]:
    """Return the documents that would get pictures whose files are not there any more."""
    named = [(document.pk, row[0]) for document, state in wanted for row in state.get("images", ())]
    there = set(Blob.objects.filter(pk__in={blob for _, blob in named}).values_list("pk", flat=True))
    return {document for document, blob in named if blob not in there}
