"""One round of a source: what is new, changed, moved or gone since the last one is followed.

A batch is read first and then stored in one transaction with its position and counts, so a run that was killed goes on
behind it; what this round has seen already is marked, and counts once however often a server lists it.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from retrieval_site.errors import AppError
from search.models import Source, SourceItem
from search.services.versions import digest as digest_of
from search.sources.kinds import reader_of
from search.sources.places import is_staff, needs_staff
from search.sources.removing import count_gone, remove_dropped, remove_gone
from search.sources.reports import COUNTS, warnings_of
from search.sources.seen import SeenKeys
from search.sources.storing import Looked, foresee, hold, store
from search.sources.types import SourceEntry, StillWrittenError
from workers.formats.problems import Problem
from workers.inference.errors import InferenceError
from workers.jobs.types import JobWarning

if TYPE_CHECKING:
    from search.job_types import SourceRoundParameters, SourceRoundResult
    from search.sources.storing import Verdict
    from search.sources.types import EntryContent, SourceReader
    from workers.jobs.context import JobRun

ENTRIES_MAX = 2_000_000
"""Of one round: a server that never ends its list."""
DRY_ENTRIES_MAX = 500
"""What a dry run reads of another server."""
EXAMPLES_MAX = 10
ITEMS_KEPT_MAX = 10_000
AGAIN_BATCH = 50
_STORED = ("new", "changed", "moved")
_SILENT = ("source.unreachable", "source.tls", "source.timeout", "source.not_public", "source.folder_missing")
"""Errors of a server that answers nothing: asking it for one entry after another would take hours."""


def run_round(run: JobRun[SourceRoundParameters, SourceRoundResult]) -> None:
    """Take the round that the job's parameters name. Raises AppError `source.*`."""
    source = Source.objects.select_related("collection").filter(pk=run.parameters.source).first()
    if source is None:
        raise AppError("source.not_found")
    if needs_staff(source.kind, source.options) and run.job.owned and not is_staff(run.job.owner):
        raise AppError("permission.denied/staff")
    if run.only_failed and run.result.finished and source.round_id != run.job.pk:
        superseded = AppError("source.superseded")
        run.remember(warnings=(JobWarning(id=superseded.id, message=superseded.message, detail={}),))
        return
    anew = run.parameters.anew or run.parameters.dry_run
    reader = reader_of(source, since="" if anew else source.since, checkpoint=run.checkpoint)
    with closing(SeenKeys()) as seen, closing(reader):
        if run.result.read_as is None:
            run.remember(read_as=digest_of(source.options))
        going = SourceRound(run, source, reader, seen)
        if run.only_failed and not run.result.retried:
            going.retry_failed()
            run.remember(retried=True)
        if not run.result.finished:
            going.take()


class SourceRound:
    """One run of one round."""

    def __init__(
        self,
        run: JobRun[SourceRoundParameters, SourceRoundResult],
        source: Source,
        reader: SourceReader,
        seen: SeenKeys,
    ) -> None:
        self.ctx = run
        self.source = source
        self.reader = reader
        self._seen = seen
        self._dry = run.parameters.dry_run
        self.counts = {name: 0 if self._dry else int(getattr(run.result, name) or 0) for name in COUNTS}
        self._examples: list[str] = []
        self._moved_from: set[int] = set()
        self.new_waiting = 0 if self._dry else run.result.new_waiting or 0
        self.dropped, self.kept_back = run.result.dropped or 0, run.result.kept_back or 0

    def take(self) -> None:
        """Look at everything there is, then remove what is gone."""
        if not self.ctx.result.listed:
            self._list()
        if self._dry:
            self.counts["deleted"] = count_gone(
                self.source, self.reader, self._seen, new_waiting=self.new_waiting
            )
            self.ctx.remember(finished=True, examples=tuple(self._examples), **self.counts)
            return
        held_back = remove_gone(self)
        if not held_back:
            self._conclude()
        self.ctx.remember(finished=True, held_back=held_back or None)

    def _list(self) -> None:
        entries, failed = sum(self.counts.values()), self.counts["failed"]
        self.ctx.stage("check" if self._dry else "read", done=entries - failed, failed=failed)
        position = "" if self._dry else self.ctx.result.position or ""
        for batch in self.reader.batches(position):
            self._batch(batch.entries, batch.position)
            self.ctx.checkpoint()
            entries += len(batch.entries)
            if self._enough(entries):
                break
        else:
            if not self._dry and not self.reader.listing.complete:
                self._try_again()
        listing = self.reader.listing
        self.ctx.remember(
            listed=True,
            complete=listing.complete,
            until=self.ctx.result.until or listing.until,
            warnings=tuple(warnings_of(listing)),
        )

    def _enough(self, entries: int) -> bool:
        """Return whether a dry run has seen enough of a server; raises AppError `source.too_many`."""
        if entries > ENTRIES_MAX:
            raise AppError("source.too_many", limit=ENTRIES_MAX)
        if not self._dry or self.source.kind == Source.Kind.FOLDER or entries < DRY_ENTRIES_MAX:
            return False
        self.reader.listing.complete = False
        self.reader.listing.notes["source.dry_run_short"] = (
            f"The dry run looked at the first {entries:,} only."
        )
        return True

    def _try_again(self) -> None:
        """Ask for what earlier rounds could not read, where this one's listing did not name it."""
        failed = SourceItem.objects.filter(source=self.source, digest="", gone_in=None)
        while keys := list(
            failed.exclude(seen_in=self.ctx.job.pk).values_list("key", flat=True)[:AGAIN_BATCH]
        ):
            found = {key: self._one(key) for key in keys}
            self._batch([entry for entry in found.values() if entry], None)
            lost = [key for key, entry in found.items() if entry is None]
            failed.filter(key__in=lost).update(seen_in=self.ctx.job.pk, gone_in=self.ctx.job.pk)
            self.ctx.checkpoint()

    def retry_failed(self) -> None:
        """Try the entries again that this round recorded as failed, and only these."""
        items = self.ctx.job.items
        counted = dict(items.values_list("payload__key", "payload__verdict"))
        self.ctx.stage("retry", len(counted))
        for key in filter(None, counted):
            entry, former = self._one(key), counted[key] or "failed"
            with transaction.atomic():
                items.filter(payload__key=key).delete()
                if entry or former == "failed":
                    self.counts[former] -= 1
                self._batch([entry] if entry else [], None, again=former)
            self.ctx.checkpoint()

    def _one(self, key: str) -> SourceEntry | None:
        """Return one entry; what a server answers of it is its own problem, and ends no round."""
        try:
            return self.reader.one(key)
        except AppError as error:
            if error.id in _SILENT:
                raise
            return SourceEntry(key, problem=Problem(error.id, error.message))

    def _batch(self, entries: list[SourceEntry], position: str | None, *, again: str = "") -> None:
        """Read and store entries; a `position` is where the next run goes on.

        `again`: what the entry counted as that is tried again in the same round.
        """
        by_key = {entry.key: entry for entry in entries}
        rows = SourceItem.objects.filter(source=self.source, key__in=by_key).prefetch_related("documents")
        items = {item.key: item for item in rows}
        fresh = [entry for entry in by_key.values() if again or not self._is_seen(entry, items)]
        looked = [self._look(entry, items.get(entry.key)) for entry in fresh]
        self.new_waiting += sum(one.verdict == "waiting" and one.item is None for one in looked)
        if self._dry:
            foresee(self.source, looked)
            self._count(looked, again)
        else:
            with transaction.atomic():
                hold(self.source, self.ctx.job)
                remove_dropped(self, store(self.source, self.ctx.job, looked))
                self._count(looked, again)
                moved_on = {} if position is None else {"position": position}
                until = self.ctx.result.until or self.reader.listing.until
                self.ctx.remember(
                    **moved_on,
                    **self.counts,
                    until=until,
                    new_waiting=self.new_waiting or None,
                    dropped=self.dropped or None,
                    kept_back=self.kept_back or None,
                )

    def _is_seen(self, entry: SourceEntry, items: dict[str, SourceItem]) -> bool:
        if self._dry:
            return not self._seen.add(entry.key)
        return entry.key in items and items[entry.key].seen_in == self.ctx.job.pk

    def _look(self, entry: SourceEntry, item: SourceItem | None) -> Looked:
        """Return what has become of an entry since the last round, and read what is new in it."""
        if entry.problem:
            return Looked(entry, item, "failed", problem=entry.problem)
        if entry.waits:
            return Looked(entry, item, "waiting")
        if entry.deleted:
            return Looked(entry, item, "gone")
        if item and item.digest and entry.stamp and item.stamp == entry.stamp and not self._anew:
            return Looked(entry, item, "unchanged", item.digest)
        try:
            return self._read(entry, item)
        except StillWrittenError:
            return Looked(entry, item, "waiting")
        except (AppError, InferenceError) as error:
            return _failed(entry, item, error)

    @property
    def _anew(self) -> bool:
        return self.ctx.parameters.anew

    def _read(self, entry: SourceEntry, item: SourceItem | None) -> Looked:
        with closing(self.reader.content(entry)) as content:
            return self._of_content(entry, item, content)

    def _of_content(self, entry: SourceEntry, item: SourceItem | None, content: EntryContent) -> Looked:
        if item and _is_known(item, content.digest) and not self._anew:
            return Looked(entry, item, "unchanged", content.digest)
        former = self._former(content.digest) if _is_blank(item) else None
        known = former or item
        if former and not former.documents.all() and not self._anew:
            # Somebody deleted what it held: that does not come back.
            return Looked(entry, former, "moved", content.digest)
        try:
            made = self.reader.made(entry, content, self.source.collection, store=not self._dry)
        except (AppError, InferenceError) as error:
            return _failed(entry, known, error)
        verdict: Verdict = "moved" if former else "changed" if item and item.documents.all() else "new"
        return Looked(
            entry,
            known,
            verdict,
            digest="" if made.problem and made.again else content.digest,
            partly=content.digest,
            records=made.records,
            problem=made.problem,
            keeps_others=made.keeps_others,
            is_read=True,
        )

    def _former(self, digest: str) -> SourceItem | None:
        """Return the item that has moved: the same content, no longer there under its name."""
        if self.source.kind not in (Source.Kind.FOLDER, Source.Kind.S3):
            return None
        same = SourceItem.objects.filter(source=self.source, digest=digest).exclude(pk__in=self._moved_from)
        for item in same.exclude(seen_in=self.ctx.job.pk).prefetch_related("documents")[:20]:
            if self.reader.is_gone(item.key):
                self._moved_from.add(item.pk)
                self._seen.add(item.key)
                return item
        return None

    def _count(self, looked: list[Looked], again: str) -> None:
        for one in looked:
            # What was new in this round, but for a part that comes now, is still new.
            verdict = again if again in _STORED and one.verdict in (*_STORED, "unchanged") else one.verdict
            if verdict != "gone":
                self.counts[verdict] += 1
            if one.problem and self.counts["failed"] <= ITEMS_KEPT_MAX:
                found = {"key": one.entry.key, "verdict": verdict}
                self.ctx.item_failed(one.entry.key, one.problem.error_id, one.problem.reason, found)
            if one.records and len(self._examples) < EXAMPLES_MAX:
                record = one.records[0]
                self._examples.append(record.fields.title or record.external_id)
        failed = sum(one.verdict == "failed" for one in looked)
        self.ctx.advance(len(looked) - failed, failed=failed)

    def _conclude(self) -> None:
        """Let the next round begin where this one ended, unless it is to read by other options."""
        result = self.ctx.result
        values = {"since": result.until or ""} | ({"complete_at": timezone.now()} if result.complete else {})
        with transaction.atomic():
            rows = Source.objects.filter(pk=self.source.pk, round=self.ctx.job.pk)
            options = rows.select_for_update().values_list("options", flat=True).first()
            if options is not None and digest_of(options) == result.read_as:
                rows.update(**values)


def _failed(entry: SourceEntry, item: SourceItem | None, error: AppError | InferenceError) -> Looked:
    return Looked(entry, item, "failed", problem=Problem(error.id, error.message))


def _is_known(item: SourceItem, digest: str) -> bool:
    """Return whether an entry's content was stored as it is.

    Also where it failed meanwhile or a part is missing, and somebody deleted its document: that does not come back.
    """
    if item.digest:
        return item.digest == digest
    return item.stamp == digest and not item.documents.all()


def _is_blank(item: SourceItem | None) -> bool:
    """Return whether nothing of an entry was ever stored: then it may be one that moved."""
    return item is None or not (item.digest or item.documents.all())
