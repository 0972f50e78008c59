"""Moving the documents of what is no longer there to the trash.

A source that seems to have lost more than half is not believed: an emptied mount must not empty a collection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from search.models import SourceItem
from search.sources.storing import hold, take_out
from workers.jobs.types import JobWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from search.models import Source
    from search.sources.round import SourceRound
    from search.sources.seen import SeenKeys
    from search.sources.types import SourceReader

BATCH_ITEMS = 200
_ROWS_AT_ONCE = 1000


def remove_gone(going: SourceRound) -> int:
    """Move what is gone to the trash; return how many are kept instead, until somebody says otherwise."""
    gone = _gone(going)
    having = gone.filter(documents__isnull=False).distinct()
    lost = having.count()
    had = SourceItem.objects.filter(source=going.source, documents__isnull=False).distinct().count()
    if lost * 2 > had and not going.ctx.parameters.delete_many:
        _keep(going, lost, had)
        return lost
    going.ctx.stage("remove", lost)
    while batch := list(gone.prefetch_related("documents")[:BATCH_ITEMS]):
        _remove(going, batch)
        going.ctx.checkpoint()
    return 0


def _gone(going: SourceRound) -> QuerySet[SourceItem]:
    """Return the items that the server says are deleted, and those that a whole listing did not have."""
    job = going.ctx.job.pk
    marked = Q(gone_in=job)
    if going.ctx.result.complete:
        marked |= ~Q(seen_in=job)
    return SourceItem.objects.filter(marked, source=going.source).order_by("pk")


def _keep(going: SourceRound, lost: int, had: int) -> None:
    message = (
        f"{lost:,} of {had:,} are gone, more than half. Their documents are kept until somebody says on the source's "
        "page that they shall be removed."
    )
    warning = JobWarning(id="source.deletion_held_back", message=message, detail={"gone": lost, "of": had})
    going.ctx.remember(warnings=(*(going.ctx.result.warnings or ()), warning))


def _remove(going: SourceRound, batch: list[SourceItem]) -> None:
    """Delete items with their documents; one that is there again by now is left to the next round."""
    there = [item for item in batch if item.gone_in is None and not going.reader.is_gone(item.key)]
    gone = [item for item in batch if item not in there]
    documents = [document.pk for item in gone for document in item.documents.all()]
    with transaction.atomic():
        hold(going.source, going.ctx.job)
        take_out(documents, going.ctx.job)
        SourceItem.objects.filter(pk__in=[item.pk for item in gone]).delete()
        SourceItem.objects.filter(pk__in=[item.pk for item in there]).update(seen_in=going.ctx.job.pk)
        count = sum(bool(item.documents.all()) for item in gone)
        going.counts["deleted"] += count
        going.ctx.advance(count)
        going.ctx.remember(**going.counts)


def count_gone(source: Source, reader: SourceReader, seen: SeenKeys) -> int:
    """Return how many entries with documents a whole listing did not have, and are not there."""
    if not reader.listing.complete:
        return 0
    return sum(key not in seen and reader.is_gone(key) for key in _keys(source))


def _keys(source: Source) -> Iterator[str]:
    rows = SourceItem.objects.filter(source=source, documents__isnull=False).distinct()
    return rows.values_list("key", flat=True).iterator(chunk_size=_ROWS_AT_ONCE)
