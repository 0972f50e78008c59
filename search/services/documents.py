"""Writing documents: one door for the API, the admin and imports.

The content hash decides what is new: a document that comes again as it is writes nothing, and of a changed one only
the passages and pictures that differ are replaced, so that only their vectors are made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from django.db import transaction
from django.utils import timezone

from search.job_types import ENCODE
from search.models import Collection, Document, DocumentFile, DocumentImage, Passage
from search.services.document_fields import (
    DocumentFields,
    ImageInput,
    check_not_empty,
    check_record,
    content_hash,
    is_long,
)
from search.services.document_files import FileContent, files_keep, files_replace
from search.services.document_identifiers import identifiers_replace
from search.services.document_units import SPLIT_AT_ONCE_CHARACTERS, passages_wanted, units_replace
from search.services.field_rules import check_rules, field_rules
from search.services.fields import field_values_write, fields_stale
from search.services.versions import collection_lock
from search.units.registry import unit_kinds
from workers.jobs.services import job_create_once
from workers.jobs.types import JobParameters
from workers.models import JobState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.contrib.auth.base_user import AbstractBaseUser

    from workers.models import Job

Change: TypeAlias = Literal["new", "changed", "unchanged"]

_FIELDS = (
    *("title", "body", "url", "tags", "metadata", "outline", "content_hash", "updated_at", "split_pending"),
    "changed_since_import",
)


@dataclass(frozen=True)
class DocumentRecord:
    """One document as somebody wants it to be; `images` None leaves the stored pictures as they are.

    The same picture twice is kept once, where it comes first.
    """

    external_id: str
    fields: DocumentFields
    images: tuple[ImageInput, ...] | None = ()
    file: FileContent | None = None
    """The file that it is made of; None leaves the stored one."""

    def __post_init__(self) -> None:
        if self.images is not None:
            first: dict[str, ImageInput] = {}
            for image in self.images:
                first.setdefault(image.blob_id, image)
            object.__setattr__(self, "images", tuple(first.values()))


@dataclass(frozen=True)
class Units:
    """How many passages and pictures documents have."""

    passages: int
    images: int


def document_save(
    *,
    collection: Collection,
    external_id: str,
    fields: DocumentFields,
    images: Sequence[ImageInput] | None = None,
) -> tuple[Document, bool]:
    """Create or change the document with this external id; return it and whether anything was written.

    `images` None keeps the stored pictures. Raises AppError `document.*`. Whoever calls this for people asks for
    the vectors with `encode_soon` in the same transaction; that job also splits a text that is too long to be split
    while somebody waits (`split_pending`).
    """
    record = DocumentRecord(external_id, fields, None if images is None else tuple(images))
    changes = documents_save(
        collection=collection, records=[record], split_characters_max=SPLIT_AT_ONCE_CHARACTERS
    )
    document = Document.objects.get(collection=collection, external_id=external_id)
    return document, changes[0] != "unchanged"


@transaction.atomic
def documents_save(
    *,
    collection: Collection,
    records: Sequence[DocumentRecord],
    split_characters_max: int | None = None,
    import_job: Job | None = None,
) -> list[Change]:
    """Save records with different external ids in one transaction; return what happened to each, in order.

    Texts longer than `split_characters_max` (None: none) are left to be split by a job. New documents belong to
    `import_job`, which can be undone as long as nobody else changes them.
    Raises AppError `document.*`, `field.*` for the first record that is not valid, and then writes nothing.
    """
    _check_records(collection, records)
    collection_lock(collection)
    _check_rules(collection, records)
    stored = _stored(collection, [record.external_id for record in records])
    for record in records:
        if record.images is None:
            kept = stored[record.external_id].images.all() if record.external_id in stored else ()
            check_not_empty(record.fields, has_images=bool(kept))
    hashes = [_hash(record, stored.get(record.external_id)) for record in records]
    changes = [_change(stored.get(r.external_id), digest) for r, digest in zip(records, hashes, strict=True)]
    documents = [
        _document(collection, record, digest, stored)
        for record, digest, change in zip(records, hashes, changes, strict=True)
        if change != "unchanged"
    ]
    for document in documents:
        document.split_pending = (
            split_characters_max is not None and len(document.body) > split_characters_max
        )
        _note_import(document, import_job)
    wanted = [r for r, change in zip(records, changes, strict=True) if change != "unchanged"]
    _write(documents, wanted)
    files_keep([(stored[r.external_id], r.file) for r in records if r.external_id in stored and r.file])
    return changes


def _check_records(collection: Collection, records: Sequence[DocumentRecord]) -> None:
    """Raise AppError `document.*`; what is stored with a file may be as long without it, as in an edit."""
    long = [one.external_id for one in records if one.file is None and is_long(one.fields, one.images)]
    of_files: set[str] = set()
    if long:
        rows = DocumentFile.objects.filter(document__collection=collection, document__external_id__in=long)
        of_files = set(rows.filter(replaced_at=None).values_list("document__external_id", flat=True))
    for record in records:
        of_file = record.file is not None or record.external_id in of_files
        check_record(record.external_id, record.fields, record.images, of_file=of_file)


def _check_rules(collection: Collection, records: Sequence[DocumentRecord]) -> None:
    rules = field_rules(collection.pk)
    for record in records:
        check_rules(rules, record.fields.tags, record.fields.metadata)


def _note_import(document: Document, import_job: Job | None) -> None:
    if document.pk is None:
        document.import_job = import_job
    elif document.import_job_id != (import_job and import_job.pk):
        document.changed_since_import = True


def documents_changes(*, collection: Collection, records: Sequence[DocumentRecord]) -> list[Change]:
    """Return what `documents_save` would do, without writing; pictures count by their bytes.

    Raises AppError `field.*` as it does.
    """
    _check_rules(collection, records)
    stored = _stored(collection, [record.external_id for record in records])
    return [
        _change(document, _hash(record, document))
        for record in records
        for document in [stored.get(record.external_id)]
    ]


def units_stored(collection: Collection, records: Sequence[DocumentRecord]) -> Units:
    """Return what these documents have in the database."""
    of = {
        "document__collection": collection,
        "document__external_id__in": [record.external_id for record in records],
    }
    return Units(Passage.objects.filter(**of).count(), DocumentImage.objects.filter(**of).count())


def units_wanted(records: Sequence[DocumentRecord]) -> Units:
    """Return what these documents would have, were they saved."""
    documents = [
        Document(
            title=record.fields.title,
            body=record.fields.body,
            outline=record.file.outline if record.file else {},
        )
        for record in records
    ]
    passages = sum(len(passages_wanted(document)) for document in documents)
    return Units(passages, sum(len(record.images or ()) for record in records))


def document_rehash(document: Document) -> None:
    """Write the content hash anew after its pictures' files were replaced by others of the same pixels."""
    images = [(image.blob_id, image.alt) for image in document.images.order_by("ordinal")]
    fields = DocumentFields(
        document.title, document.body, document.url, tuple(document.tags), document.metadata
    )
    Document.objects.filter(pk=document.pk).update(content_hash=content_hash(fields, images))


def document_delete(*, document: Document) -> None:
    """Delete a document with its passages, pictures, vectors and judgements."""
    documents_delete(documents=[document.pk])


@transaction.atomic
def documents_delete(*, documents: Iterable[int]) -> int:
    """Delete documents by id; return how many there were. The vectors go with their units."""
    ids = sorted(documents)
    # Locked in the order in which others do it (documents, then their units by id), so that nobody waits in a ring.
    _locked_documents(ids)
    for kind in unit_kinds():
        list(kind.rows.filter(document__in=ids).order_by("pk").select_for_update().values_list("pk"))
    fields_stale(documents=ids)
    return Document.objects.filter(pk__in=ids).delete()[1].get("search.Document", 0)


def _locked_documents(documents: list[int]) -> None:
    list(Document.objects.filter(pk__in=documents).order_by("pk").select_for_update().values_list("pk"))


def encode_soon(*, owner: AbstractBaseUser | None = None) -> Job:
    """Ask for the vectors of whatever is new, under every live version; many edits share one waiting job."""
    return job_create_once(ENCODE, JobParameters(), owner=owner, states=[JobState.QUEUED])[0]


def _stored(collection: Collection, external_ids: Sequence[str]) -> dict[str, Document]:
    documents = Document.objects.filter(collection=collection, external_id__in=external_ids)
    return {document.external_id: document for document in documents.prefetch_related("images")}


def _hash(record: DocumentRecord, stored: Document | None) -> str:
    if record.images is not None:
        images = [(image.blob_id, image.alt) for image in record.images]
        return content_hash(record.fields, images, record.file.sha256 if record.file else "")
    kept = stored.images.all() if stored else []
    return content_hash(record.fields, [(image.blob_id, image.alt) for image in kept])


def _change(stored: Document | None, digest: str) -> Change:
    if stored is None:
        return "new"
    return "unchanged" if stored.content_hash == digest else "changed"


def _document(
    collection: Collection, record: DocumentRecord, digest: str, stored: dict[str, Document]
) -> Document:
    fields = record.fields
    document = stored.get(record.external_id) or Document(
        collection=collection, external_id=record.external_id
    )
    if record.file is not None:
        document.outline = record.file.outline
    elif document.body != fields.body:
        document.outline = {}
    document.title, document.body, document.url = fields.title, fields.body, fields.url
    document.tags, document.metadata = list(fields.tags), fields.metadata
    document.content_hash, document.updated_at = digest, timezone.now()
    return document


def _write(documents: list[Document], records: list[DocumentRecord]) -> None:
    new = [document for document in documents if document.pk is None]
    changed = [document for document in documents if document.pk is not None]
    Document.objects.bulk_create(new)
    Document.objects.bulk_update(changed, _FIELDS)
    identifiers_replace(documents)
    units_replace(documents, [record.images for record in records])
    files_replace(documents, [record.file for record in records])
    if documents:
        held = [(document.pk, document.tags, document.metadata) for document in documents]
        field_values_write(collection_id=documents[0].collection_id, documents=held)
