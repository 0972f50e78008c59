"""Storing what a batch of entries has become: documents, and which entry they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from django.db import DatabaseError, DataError, IntegrityError, transaction

from retrieval_site.errors import AppError
from search.curating.keeping import documents_take_out
from search.importers.document_files import external_id_of
from search.models import Document, DocumentFile, Source, SourceItem
from search.services.document_identifiers import identifiers_replace
from search.services.documents import documents_changes, documents_save
from search.services.versions import collection_lock
from workers.formats.problems import Problem, problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from search.services.documents import DocumentRecord
    from search.sources.types import SourceEntry
    from workers.models import Job

Verdict = Literal["new", "changed", "moved", "unchanged", "waiting", "failed", "gone"]
_DOCUMENTS_AT_ONCE = 200
_FILE_NAME_MAX = 255
_Link = SourceItem.documents.through


@dataclass
class Looked:
    """What became of an entry since the last round; `item` is its row, of a moved one that of its former name.

    `digest`: of its content, empty where it is to be read again; then `partly` is that of what could be made of it.
    `is_read`: `records` are all that is in it now, so that other documents of it go unless it `keeps_others`.
    """

    entry: SourceEntry
    item: SourceItem | None
    verdict: Verdict
    digest: str = ""
    partly: str = ""
    records: tuple[DocumentRecord, ...] = ()
    problem: Problem | None = None
    keeps_others: bool = False
    is_read: bool = False

    def fail(self, why: Problem) -> None:
        """Store nothing of this entry."""
        self.verdict, self.problem = "failed", why
        self.digest, self.partly, self.records, self.is_read = "", "", (), False


def hold(source: Source, job: Job) -> None:
    """Lock the source for a transaction of its newest round; raises AppError `source.superseded` in any other."""
    if not Source.objects.select_for_update().filter(pk=source.pk, round=job.pk).exists():
        raise AppError("source.superseded")


def store(source: Source, job: Job, looked: list[Looked]) -> list[tuple[int, int]]:
    """Store a batch in the caller's transaction; what cannot be stored is then `failed`.

    Return the documents that entries no longer have, as pairs of item and document, for the caller to remove.
    """
    moved = [one for one in looked if one.item and one.item.pk and one.item.key != one.entry.key]
    if moved or any(one.is_read for one in looked):
        collection_lock(source.collection)
    for one in moved:
        _rename(source, one)
        if one.verdict == "moved":
            _leave_deleted(source, one)
    made = [one for one in looked if one.records]
    if made:
        _refuse_taken(source, made)
        _save(source, job, [one for one in made if one.records])
    _write_items(source, job, looked)
    return _link(source, [one for one in looked if one.is_read])


def foresee(source: Source, looked: list[Looked]) -> None:
    """Say of a dry run's entries what storing them would: which change nothing, and which could not be stored."""
    made = [one for one in looked if one.records]
    _refuse_taken(source, made)
    for one in made:
        try:
            known = one.records and _all_unchanged(source, one.records)
        except AppError as error:
            one.fail(_why(error))
            continue
        # A dry run fetches no pictures of IIIF: its documents cannot be compared.
        if known and one.verdict != "moved" and source.kind != Source.Kind.IIIF:
            one.verdict = "unchanged"


def _all_unchanged(source: Source, records: Sequence[DocumentRecord]) -> bool:
    changes: set[str] = set()
    for start in range(0, len(records), _DOCUMENTS_AT_ONCE):
        some = records[start : start + _DOCUMENTS_AT_ONCE]
        changes |= set(documents_changes(collection=source.collection, records=some))
    return changes == {"unchanged"}


def _refuse_taken(source: Source, made: list[Looked]) -> None:
    """Refuse a document that belongs to another entry: each would undo what the other wrote."""
    wanted = [record.external_id for one in made for record in one.records]
    rows = _Link.objects.filter(document__collection=source.collection_id, document__external_id__in=wanted)
    owners = dict(rows.values_list("document__external_id", "sourceitem_id"))
    taken: set[str] = set()
    for one in made:
        own = one.item.pk if one.item else None
        for record in one.records:
            if owners.get(record.external_id, own) != own or record.external_id in taken:
                one.fail(problem("source.document_taken", external_id=record.external_id))
                break
        taken.update(record.external_id for record in one.records)


def _save(source: Source, job: Job, made: list[Looked]) -> None:
    """Save all at once; should the database refuse something unforeseen, each alone, to find which."""
    try:
        with transaction.atomic():
            unchanged = _saved(source, job, [record for one in made for record in one.records])
    except (AppError, DataError, IntegrityError) as error:
        if len(made) == 1:
            made[0].fail(_why(error))
        else:
            for one in made:
                _save(source, job, [one])
        return
    for one in made:
        if one.verdict != "moved" and all(record.external_id in unchanged for record in one.records):
            one.verdict = "unchanged"


def _why(error: AppError | DatabaseError) -> Problem:
    return Problem(error.id, error.message) if isinstance(error, AppError) else problem("import.not_storable")


def _saved(source: Source, job: Job, records: list[DocumentRecord]) -> set[str]:
    """Save records; return the external ids of those that were there as they are."""
    unchanged = set()
    for start in range(0, len(records), _DOCUMENTS_AT_ONCE):
        some = records[start : start + _DOCUMENTS_AT_ONCE]
        changes = documents_save(collection=source.collection, records=some, import_job=job)
        unchanged |= {
            record.external_id for record, change in zip(some, changes, strict=True) if change == "unchanged"
        }
    return unchanged


def _write_items(source: Source, job: Job, looked: list[Looked]) -> None:
    """Write what is known of the entries; a new one that is still being written is not: it may be one that moves."""
    rows = [_item(source, job, one) for one in looked if one.item or one.verdict != "waiting"]
    known = {row.key: row.pk for row in rows if row.pk is not None}
    # What a moved file left under its new name while it could not be read.
    SourceItem.objects.filter(source=source, key__in=known).exclude(pk__in=known.values()).delete()
    SourceItem.objects.bulk_create([row for row in rows if row.pk is None])
    fields = ["key", "seen_in", "gone_in", "digest", "stamp"]
    SourceItem.objects.bulk_update([row for row in rows if row.pk is not None], fields)


def _item(source: Source, job: Job, one: Looked) -> SourceItem:
    """Return the row of an entry as it is to be written."""
    item = one.item = one.item or SourceItem(source=source)
    item.key, item.seen_in = one.entry.key, job.pk
    item.gone_in = job.pk if one.verdict == "gone" else None
    if one.verdict not in ("waiting", "gone"):
        item.stamp = one.entry.stamp if one.digest else one.partly or item.digest or item.stamp
        item.digest = one.digest
    return item


def _rename(source: Source, one: Looked) -> None:
    """Give a moved file's documents the external ids that its name has now, where no other document has them."""
    if one.item is None:
        return
    item, key = one.item, one.entry.key
    former, name = external_id_of(item.key), external_id_of(key)
    for document in item.documents.filter(collection=source.collection_id):
        wanted = external_id_of(f"{name}{document.external_id.removeprefix(former)}")
        known = Document.objects.filter(collection=source.collection_id, external_id=wanted)
        if not document.external_id.startswith(former) or known.exists():
            continue
        document.external_id = wanted
        Document.objects.filter(pk=document.pk).update(external_id=wanted)
        identifiers_replace([document])
        if wanted == name:  # else the file would count as another version
            current = DocumentFile.objects.filter(document=document, replaced_at=None)
            current.update(name=PurePosixPath(key).name[:_FILE_NAME_MAX])


def _leave_deleted(source: Source, one: Looked) -> None:
    """Leave out those of a moved file's documents that somebody deleted: another name does not bring them back."""
    held = Document.objects.filter(source_items=one.item, collection=source.collection_id)
    there = set(held.values_list("external_id", flat=True))
    if there <= {record.external_id for record in one.records}:
        one.records = tuple(record for record in one.records if record.external_id in there)


def _link(source: Source, made: list[Looked]) -> list[tuple[int, int]]:
    """Say which documents belong to which item; return those that an item no longer has, each with its item."""
    of = {record.external_id: one.item for one in made for record in one.records}
    rows = Document.objects.filter(collection=source.collection_id, external_id__in=of)
    links = {(of[name].pk, pk) for pk, name in rows.values_list("pk", "external_id")}  # type: ignore[union-attr]
    known = _Link.objects.filter(
        sourceitem__in=[one.item for one in made], document__collection=source.collection_id
    )
    before = set(known.values_list("sourceitem_id", "document_id"))
    kept = {one.item.pk for one in made if one.keeps_others and one.item}
    _Link.objects.bulk_create(_links(links - before))
    return [(item, document) for item, document in before - links if item not in kept]


def take_out(source: Source, documents: Iterable[int], job: Job) -> None:
    """Move documents to the trash, in the name of the job's owner. Call it in a transaction.

    What was moved to another collection is not the source's any more.
    """
    rows = Document.objects.filter(pk__in=list(documents), collection=source.collection_id)
    rows = rows.order_by("pk").select_for_update()
    if found := list(rows):
        documents_take_out(documents=found, by=job.owner)


def _links(pairs: Iterable[tuple[int, int]]) -> list[_Link]:  # type: ignore[valid-type]
    return [_Link(sourceitem_id=item, document_id=document) for item, document in pairs]
