"""Moving the documents of what is no longer there to the trash.

A source that seems to have lost more than half is not believed: an emptied mount must not empty a collection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from search.models import Document, Source, SourceItem
from search.sources.storing import hold, take_out
from workers.jobs.types import JobWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from search.sources.round import SourceRound
    from search.sources.seen import SeenKeys
    from search.sources.types import SourceReader

BATCH_ITEMS = 200
_ROWS_AT_ONCE = 1000
_WAITS = "A new file is still being written. It may be one that was moved: what is gone is kept until the next round."


def remove_dropped(going: SourceRound, dropped: list[tuple[int, int]]) -> None:
    """Move the documents that entries no longer have to the trash, as of rows that a table lost.

    `dropped`: pairs of item and document. Where that is most of all documents, they are kept, and their entries are
    read again by the next round.
    """
    if not dropped:
        return
    documents = {document for _, document in dropped}
    if _is_most(going, len(documents)):
        going.kept_back += len(documents)
        SourceItem.objects.filter(pk__in={item for item, _ in dropped}).update(digest="")
    else:
        going.dropped += len(documents)
        take_out(going.source, documents, going.ctx.job)


def remove_gone(going: SourceRound) -> int:
    """Move what is gone to the trash; return how many documents are kept instead, until somebody says otherwise."""
    gone = _gone(going)
    lost = Document.objects.filter(source_items__in=gone, collection=going.source.collection_id)
    count = lost.distinct().count()
    if count and going.new_waiting:
        _warn(going, "source.removal_waits", _WAITS, {"gone": count})
        return going.kept_back
    if _is_most(going, count):
        going.kept_back += count
        gone = gone.none()
    if going.kept_back:
        _keep(going)
    going.ctx.stage("remove", gone.filter(documents__isnull=False).distinct().count())
    while batch := list(gone.prefetch_related("documents")[:BATCH_ITEMS]):
        _remove(going, batch)
        going.ctx.checkpoint()
    return going.kept_back


def _is_most(going: SourceRound, more: int) -> bool:
    """Return whether with `more` most of the documents would be gone in this round, and nobody said that they shall."""
    gone = going.dropped + going.kept_back + more
    return more > 0 and gone * 2 > _had(going) and not going.ctx.parameters.delete_many


def _had(going: SourceRound) -> int:
    """Return how many documents the source had, and has got in this round."""
    followed = Document.objects.filter(
        source_items__source=going.source, collection=going.source.collection_id
    )
    return followed.distinct().count() + going.dropped


def _gone(going: SourceRound) -> QuerySet[SourceItem]:
    """Return the items that the server says are deleted, and those that a whole listing did not have."""
    job = going.ctx.job.pk
    marked = Q(gone_in=job)
    if going.ctx.result.complete:
        marked |= ~Q(seen_in=job)
    return SourceItem.objects.filter(marked, source=going.source).order_by("pk")


def _keep(going: SourceRound) -> None:
    lost, had = going.kept_back, _had(going)
    message = (
        f"{lost:,} of {had:,} documents are gone, more than half. They are kept until somebody says on the source's "
        "page that they shall be removed."
    )
    _warn(going, "source.deletion_held_back", message, {"gone": lost, "of": had})


def _warn(going: SourceRound, warning_id: str, message: str, detail: dict[str, Any]) -> None:
    warning = JobWarning(id=warning_id, message=message, detail=detail)
    going.ctx.remember(warnings=(*(going.ctx.result.warnings or ()), warning))


def _remove(going: SourceRound, batch: list[SourceItem]) -> None:
    """Delete items with their documents; one that is there again by now is left to the next round."""
    there = [item for item in batch if item.gone_in is None and not going.reader.is_gone(item.key)]
    gone = [item for item in batch if item not in there]
    documents = [document.pk for item in gone for document in item.documents.all()]
    with transaction.atomic():
        hold(going.source, going.ctx.job)
        take_out(going.source, documents, going.ctx.job)
        SourceItem.objects.filter(pk__in=[item.pk for item in gone]).delete()
        SourceItem.objects.filter(pk__in=[item.pk for item in there]).update(seen_in=going.ctx.job.pk)
        count = sum(bool(item.documents.all()) for item in gone)
        going.counts["deleted"] += count
        going.ctx.advance(count)
        going.ctx.remember(**going.counts)


def count_gone(source: Source, reader: SourceReader, seen: SeenKeys, *, new_waiting: int) -> int:
    """Return how many entries with documents a whole listing did not have, and are not there."""
    if not reader.listing.complete or new_waiting:
        return 0
    return sum(key not in seen and reader.is_gone(key) for key in _keys(source))


def _keys(source: Source) -> Iterator[str]:
    rows = SourceItem.objects.filter(source=source, documents__isnull=False).distinct()
    return rows.values_list("key", flat=True).iterator(chunk_size=_ROWS_AT_ONCE)
