"""The import job: documents stored in batches that can be resumed, then their vectors made.

The position that a batch reached is stored in the batch's own transaction. A run that was killed goes on behind it,
and were it to store a document again, the content hash would find it unchanged.
"""

from __future__ import annotations

import itertools
import os
import socket
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from django.db import DatabaseError, DataError, IntegrityError, transaction

from models_admin.files import blob_on_disk
from retrieval_site.errors import AppError
from search.importers.document_files import DocumentFiles
from search.importers.files import DAMAGED_WHILE_READING
from search.importers.leftovers import (
    LISTED_MAX,
    drawings_not_shown,
    drawings_warning,
    job_warning,
    same_warnings,
    stored_warnings,
)
from search.importers.recognition import RecognitionOptions
from search.importers.source import ImportSource, open_import
from search.importers.storing import to_document
from search.importers.types import DocumentFileItem, Item, Record, Rejected, rejected
from search.models import Collection
from search.services.documents import (
    Change,
    DocumentRecord,
    documents_changes,
    documents_save,
    units_stored,
    units_wanted,
)
from search.services.field_rules import FieldRuleError
from search.services.table_mappings import mappings_of, table_mapping_keep
from workers.formats.problems import Problem
from workers.inference.errors import InferenceError
from workers.models import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.job_types import ImportJobParameters, ImportResult
    from search.services.document_fields import DocumentFields
    from workers.jobs.context import JobRun

    Numbered: TypeAlias = tuple[int, Item]

BATCH_DOCUMENTS = 500
BATCH_PICTURES = 32
"""Pictures are decoded and stored one by one: with as many as this a batch is full, so that progress shows."""

BATCH_CHARACTERS = 2_000_000
"""Of bodies: a batch is held in memory, with its passages."""

ITEMS_KEPT_MAX = 10_000
"""Failed documents beyond these are only counted: a file of millions of bad lines needs no row for each."""

COUNT_LOOK_EVERY = 10_000

COUNTS = ("new", "changed", "unchanged", "failed", "documents", "passages", "images")
"""What `ImportResult` says they are."""


class ImportRun:
    """One run of one import job."""

    def __init__(
        self,
        run: JobRun[ImportJobParameters, ImportResult],
        source: ImportSource,
        collection: Collection,
        files: DocumentFiles,
    ) -> None:
        self.ctx = run
        self._files = files
        self._source = source
        self._collection = collection
        self._dry_run = run.parameters.dry_run
        self._counts = {name: int(getattr(run.result, name) or 0) for name in COUNTS}
        self._counted_before = 0

    def store(self) -> None:
        """Store (or check) every document behind the position that an earlier run reached."""
        position = self.ctx.result.position or 0
        stage = "check" if self._dry_run else "store"
        total = self._count(stage)
        self._keep_mappings()
        done = position - self._counts["failed"]
        self.ctx.stage("check" if self._dry_run else "store", total, done=done, failed=self._counts["failed"])
        items = enumerate(self._source.items(), start=1)
        for batch in batches(item for item in items if item[0] > position):
            self._batch(batch)
            self.ctx.checkpoint()
        self._warn()

    def _keep_mappings(self) -> None:
        """Keep the mapping that was given with the file for the next one that has its columns."""
        if self._dry_run or self.ctx.parameters.mapping is None:
            return
        name = self.ctx.parameters.filename or Path(self.ctx.parameters.path or "").name
        for mapping, names in self._source.reading.used.values():
            table_mapping_keep(collection=self._collection, mapping=mapping, names=names, filename=name)

    def _warn(self) -> None:
        """Say in the result what was left out or may be unexpected."""
        same = () if self._dry_run else same_warnings(self._collection, self.ctx.job)
        drawings = drawings_warning(self.ctx.result.not_shown or ())
        warnings = [*stored_warnings(self._counts), *same, *drawings, *self._source.warnings()]
        self.ctx.remember(warnings=tuple(map(job_warning, warnings)))

    def _count(self, stage: str) -> int:
        """Return how many documents the file has, so that the time left can be told."""
        if self.ctx.job.stage != stage:
            self.ctx.stage("count")
        total = 0
        for total, _ in enumerate(self._source.items(), start=1):
            if total % COUNT_LOOK_EVERY == 0:
                self.ctx.checkpoint()
        if not total:
            raise AppError("import.empty/no_document")
        return total

    def retry_failed(self) -> None:
        """Try the documents again that are recorded as failed, and only these."""
        found = self.ctx.job.items.values_list("payload__position", "payload__counted")
        wanted = {position: counted or 0 for position, counted in found if position is not None}
        self.ctx.stage("retry", len(wanted))
        items = enumerate(self._source.items(), start=1)
        for batch in batches(item for item in items if item[0] in wanted):
            with transaction.atomic():
                positions = [position for position, _ in batch]
                self.ctx.job.items.filter(payload__position__in=positions).delete()
                self._counts["failed"] -= len(batch)
                self._counted_before = sum(wanted[position] for position in positions)
                self._batch(batch)
            self.ctx.checkpoint()
        self._warn()

    def _batch(self, batch: list[Numbered]) -> None:
        read = [(position, one) for position, item in batch for one in self._read(item)]
        records = [(position, item) for position, item in read if isinstance(item, DocumentRecord)]
        bad = [(position, item) for position, item in read if isinstance(item, Rejected)]
        with transaction.atomic():
            refused = self._save(records)
            bad += refused
            counted = Counter(position for position, _ in records)
            counted.subtract(position for position, _ in refused)
            for position, item in bad:
                self._keep(position, item, counted[position])
            failed = len({position for position, _ in bad})
            self._counts["failed"] += failed
            self.ctx.advance(len(batch) - failed, failed=failed)
            reached = max(self.ctx.result.position or 0, batch[-1][0])
            self.ctx.remember(position=reached, **self._counts, **self._not_shown(records))

    def _not_shown(self, records: list[tuple[int, DocumentRecord]]) -> dict[str, Any]:
        """Return what to remember of drawings that are not shown; nothing where there is nothing new."""
        known = self.ctx.result.not_shown or ()
        every = dict.fromkeys((*known, *drawings_not_shown(record for _, record in records)))
        return {"not_shown": tuple(every)[:LISTED_MAX]} if len(every) > len(known) else {}

    def _read(self, item: Item) -> list[DocumentRecord | Rejected]:
        """Return what an item becomes: one document, or of a file with files inside it several."""
        if isinstance(item, Rejected):
            return [item]
        if isinstance(item, DocumentFileItem):
            return self._read_file(item)
        if item.alone:
            item = replace(item, fields=self._said(item))
        return [to_document(item, self._source, self._collection, store=not self._dry_run)]

    def _said(self, item: Record) -> DocumentFields:
        """Return what a picture that came alone says of itself."""
        try:
            return self._files.picture_fields(self._source.picture(item.pictures[0].name), item.external_id)
        except (AppError, InferenceError):
            return item.fields

    def _read_file(self, item: DocumentFileItem) -> list[DocumentRecord | Rejected]:
        try:
            with self._source.open(item.name) as file:
                return list(self._files.records(item, file, self._source.beside))
        except AppError as error:
            return [Rejected(item.where, (Problem(error.id, error.message),))]
        except DAMAGED_WHILE_READING as error:
            return [rejected(item.where, "import.zip_damaged/rest", reason=str(error))]

    def _save(self, records: list[tuple[int, DocumentRecord]]) -> list[tuple[int, Rejected]]:
        """Save all at once; should the database refuse something unforeseen, each alone, to find which."""
        save = documents_changes if self._dry_run else partial(documents_save, import_job=self.ctx.job)
        try:
            with transaction.atomic():
                changes = save(collection=self._collection, records=[record for _, record in records])
        except (DataError, IntegrityError, FieldRuleError) as error:
            if len(records) == 1:
                return [(records[0][0], self._refused(records[0][1], error))]
            return list(itertools.chain.from_iterable(self._save([one]) for one in records))
        self._count_changes([record for _, record in records], changes)
        return []

    def _refused(self, record: DocumentRecord, error: DatabaseError | FieldRuleError) -> Rejected:
        if isinstance(error, FieldRuleError):
            where = f"external id {record.external_id}"
            return Rejected(where, (Problem(error.id, error.message),))
        self.ctx.log.exception("the database refused the document “%s”", record.external_id)
        return rejected(f"external id {record.external_id}", "import.not_storable")

    def _count_changes(self, records: list[DocumentRecord], changes: list[Change]) -> None:
        written = []
        for record, change in zip(records, changes, strict=True):
            if self._counted_before and (self._dry_run or change == "unchanged"):
                self._counted_before -= 1  # of a file that failed in part, this part did not
                continue
            self._counts[change] += 1
            if change != "unchanged":
                written.append(record)
        units = units_wanted(written) if self._dry_run else units_stored(self._collection, written)
        self._counts["documents"] += len(written)
        self._counts["passages"] += units.passages
        self._counts["images"] += units.images

    def _keep(self, position: int, item: Rejected, counted: int) -> None:
        """Keep what failed, with how many documents of the same file were counted."""
        if self._counts["failed"] >= ITEMS_KEPT_MAX:
            return
        reasons: dict[str, list[str]] = {}
        for problem in item.problems:
            reasons.setdefault(problem.error_id, []).append(problem.reason)
        for error_id, several in reasons.items():  # a failed item is kept once for each of its errors
            self.ctx.item_failed(
                item.where, error_id, " ".join(several), {"position": position, "counted": counted}
            )


def batches(items: Iterator[Numbered]) -> Iterator[list[Numbered]]:
    """Yield lists of items, full at 500 documents, 32 pictures or two million characters; or at one document file."""
    batch: list[Numbered] = []
    pictures = characters = 0
    for position, item in items:
        batch.append((position, item))
        if isinstance(item, Record):
            pictures += len(item.pictures)
            characters += len(item.fields.body)
        whole = isinstance(item, DocumentFileItem)
        if (
            whole
            or len(batch) >= BATCH_DOCUMENTS
            or pictures >= BATCH_PICTURES
            or characters >= BATCH_CHARACTERS
        ):
            yield batch
            batch, pictures, characters = [], 0, 0
    if batch:
        yield batch


@contextmanager
def opened(run: JobRun[ImportJobParameters, ImportResult]) -> Iterator[ImportRun]:
    """Open what the job's parameters name. Raises AppError `import.*`, `collection.not_found`."""
    collection = Collection.objects.filter(pk=run.parameters.collection).first()
    if collection is None:
        raise AppError("collection.not_found/deleted")
    parameters = run.parameters
    kept = mappings_of(collection, parameters.mapping)
    recognition = RecognitionOptions.of(collection, parameters.options)
    with (
        _path(parameters) as path,
        open_import(path, parameters.options, parameters.filename, kept) as source,
        DocumentFiles(collection, store=not parameters.dry_run, recognition=recognition) as files,
    ):
        yield ImportRun(run, source, collection, files)


@contextmanager
def _path(parameters: ImportJobParameters) -> Iterator[Path]:
    if parameters.path is not None:
        if not os.access(parameters.path, os.R_OK):
            raise AppError("import.path_not_on_worker", machine=socket.gethostname(), path=parameters.path)
        yield Path(parameters.path)
        return
    with import_file(parameters.blob) as path:
        yield path


@contextmanager
def import_file(blob_id: str | None) -> Iterator[Path]:
    """Give an import's stored file as one on disk; raises AppError `blob.missing`."""
    blob = Blob.objects.filter(pk=blob_id).first()
    if blob is None:
        raise AppError("blob.missing/import")
    with blob_on_disk(blob) as path:
        yield path
