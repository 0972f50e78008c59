"""What is kept of one person, taken out for them."""

from __future__ import annotations

import json
import zipfile
from typing import IO, TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BinaryField

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from search.models import (
    AuditEntry,
    BatchPhoto,
    Invitation,
    OpenedHit,
    PhotoBatch,
    QueryPart,
    ResumableUpload,
    SearchFinding,
)
from search.services.judgement_copies import copies_of
from search.services.people import field_name, people_fields
from search.services.resumable_uploads import upload_path
from workers.storage.blobs import blob_open
from workers.storage.folder import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.db.models import Model

    from retrieval_site.accounts.models import User
    from workers.models import Blob

NOT_SHOWN = frozenset({"password", "digest", "secret", "session", "data"})
"""Columns that are keys, or made of keys; `data` is that of second factors."""
CHUNK_ROWS = 500
BELOW: tuple[tuple[type[Model], str], ...] = (
    (QueryPart, "query__user"),
    (OpenedHit, "query__user"),
    (SearchFinding, "saved__user"),
    (BatchPhoto, "batch__user"),
)
"""Rows that belong to a person by another row."""


def person_export(*, person: User, file: IO[bytes]) -> int:
    """Write a zip of all that is kept of a person; return how many rows.

    `data.jsonl` has a JSON object for each row, `photos/` the small copies of the photos that they searched with,
    `batches/` those of many photos at once with the files that they sent, `uploads/` what they sent and did not import
    yet. Keys and vectors are left out. Memory stays constant.
    """
    rows = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("data.jsonl", "w", force_zip64=True) as lines:
            for said in _lines(person):
                lines.write(json.dumps(said, cls=DjangoJSONEncoder, ensure_ascii=False).encode() + b"\n")
                rows += 1
        for name, blob in _blobs(person):
            _write_blob(archive, name, blob)
        for upload in _all(ResumableUpload, user=person.pk):
            _write_file(archive, f"uploads/{upload.pk}", upload_path(upload))
    audit_note("person.exported", person, rows=rows)
    return rows


def _lines(person: User) -> Iterator[dict[str, Any]]:
    for kind, row in _rows_of(person):
        yield {"kind": kind} | _values(row)
    for copy in copies_of(person.pk):
        yield {"kind": "copy of search.Judgement.user"} | copy


def _rows_of(person: User) -> Iterator[tuple[str, Model]]:
    yield "accounts.User", person
    for field in people_fields():
        for row in _all(field.model, **{field.name: person.pk}):
            yield field_name(field), row
    for model, path in BELOW:
        yield from ((model._meta.label, row) for row in _all(model, **{path: person.pk}))
    yield from (("search.AuditEntry", entry) for entry in _all(AuditEntry, actor_id=person.pk))
    yield from (("search.Invitation", row) for row in _all(Invitation, email__iexact=person.email))


def _all(model: type[Model], **wanted: Any) -> Iterator[Any]:
    return model._base_manager.filter(**wanted).order_by("pk").iterator(chunk_size=CHUNK_ROWS)


def _values(row: Model) -> dict[str, Any]:
    fields = (field for field in row._meta.concrete_fields if not isinstance(field, BinaryField))
    return {field.attname: getattr(row, field.attname) for field in fields if field.name not in NOT_SHOWN}


def _blobs(person: User) -> Iterator[tuple[str, Blob]]:
    """Yield the stored files of a person with their names in the zip."""
    for part in _all(QueryPart, query__user=person.pk, preview__isnull=False):
        yield f"photos/{part.pk}.jpg", part.preview
    for batch in _all(PhotoBatch, user=person.pk):
        yield f"batches/{batch.pk}/sent.zip", batch.upload
    for photo in _all(BatchPhoto, batch__user=person.pk, preview__isnull=False):
        yield f"batches/{photo.batch_id}/{photo.pk}.jpg", photo.preview


def _write_blob(archive: zipfile.ZipFile, name: str, blob: Blob) -> None:
    try:
        with blob_open(blob) as stored, archive.open(name, "w", force_zip64=True) as copy:
            for chunk in stored.chunks(CHUNK_BYTES):
                copy.write(chunk)
    except AppError:  # the storage has lost it
        return


def _write_file(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    try:
        archive.write(path, name)
    except FileNotFoundError:  # nothing came yet, or it was imported
        return
