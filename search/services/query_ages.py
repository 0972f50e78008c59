"""Ending kept searches by their age: their photos and vectors first, later the searches themselves.

A search that somebody judged stays whole as long as one of its judgements does: models are trained on what it asked
with and measured by asking it again. So does one that somebody saved, and one of two answers side by side of which
somebody preferred one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from search.models import Judgement, Query, QueryPart, SavedSearch, SideBySide
from workers.storage.sweeping import blob_remove_unused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from django.db.models import QuerySet

    from search.job_types import ExpireResult
    from workers.jobs.context import JobRun
    from workers.jobs.types import JobParameters

BATCH_QUERIES = 200


def queries_to_strip() -> QuerySet[Query]:
    """Return the searches whose photo and vectors have had their time, oldest first."""
    days = [settings.CONFIG.query_photo_keep_days, settings.CONFIG.query_keep_days]
    held = Q(preview__isnull=False) | Q(embedding__isnull=False)
    has_parts = Exists(QueryPart.objects.filter(held, query=OuterRef("pk")))
    return _older_than(min(filter(None, days), default=0)).filter(has_parts)


def queries_to_end() -> QuerySet[Query]:
    """Return the searches that have had their time, oldest first."""
    return _older_than(settings.CONFIG.query_keep_days)


def queries_due() -> bool:
    """Return whether any search or part of one has had its time."""
    return bool(queries_to_strip().exists() or queries_to_end().exists())


def queries_expire(run: JobRun[JobParameters, ExpireResult]) -> None:
    """Free old searches of their photos and vectors, and remove those that are older still; the result has how many."""
    stripped, removed = run.result.stripped or 0, run.result.removed or 0
    _in_batches(run, _Step("remove photos and vectors", "stripped", stripped, _strip), queries_to_strip())
    _in_batches(run, _Step("remove searches", "removed", removed, _delete), queries_to_end())


def _older_than(days: int) -> QuerySet[Query]:
    """Return searches of more than so many days that nobody judged or saved; none for 0."""
    if not days:
        return Query.objects.none()
    old = Query.objects.filter(created_at__lt=Now() - timedelta(days=days)).order_by("created_at")
    return _unwanted(old)


def _unwanted(queries: QuerySet[Query]) -> QuerySet[Query]:
    judged = Exists(Judgement.objects.filter(query=OuterRef("pk")))
    of_saved = Q(query=OuterRef("pk")) | Q(query__marked=OuterRef("pk"))
    preferred = SideBySide.objects.filter(Q(first=OuterRef("pk")) | Q(second=OuterRef("pk"))).exclude(
        preference=""
    )
    return queries.exclude(judged | Exists(SavedSearch.objects.filter(of_saved)) | Exists(preferred))


@dataclass(frozen=True)
class _Step:
    """A stage of the job, which field of its result counts, how many earlier runs did, and what is done to a batch."""

    stage: str
    counted: str
    done: int
    end: Callable[[QuerySet[Query]], None]


def _in_batches(run: JobRun[JobParameters, ExpireResult], step: _Step, queries: QuerySet[Query]) -> None:
    """Go through the searches from the oldest on, each batch in a transaction with its count and its photos' files.

    After a kill the next run begins with the oldest that is left. A file goes before its row is committed: where that
    fails, the row still names the search as one to end, and the next run ends it.
    """
    done, after = step.done, None
    run.stage(step.stage, done + queries.count(), done=done)
    run.remember(**{step.counted: done})
    while True:
        with transaction.atomic():
            locked, after = _locked(queries, after)
            if not locked:
                return
            # Asked anew, now that nobody can judge or save them.
            chosen = _unwanted(Query.objects.filter(pk__in=locked))
            parts = QueryPart.objects.filter(query__in=chosen, preview__isnull=False)
            photos = set(parts.values_list("preview", flat=True))
            done += (count := chosen.count())
            step.end(chosen)
            _remove_files(photos)
            run.advance(count)
            run.remember(**{step.counted: done})
        run.checkpoint()


def _locked(queries: QuerySet[Query], after: datetime | None) -> tuple[list[Any], datetime | None]:
    """Return the next ids, locked, and the last one's time; whoever judges, saves or deepens one now keeps it."""
    further = queries.filter(created_at__gte=after) if after else queries
    rows = further.select_for_update(of=["self"], skip_locked=True).values_list("pk", "created_at")
    found = list(rows[:BATCH_QUERIES])
    return [pk for pk, _ in found], found[-1][1] if found else after


def _strip(queries: QuerySet[Query]) -> None:
    QueryPart.objects.filter(query__in=queries).update(
        preview=None, digest="", embedding=None, text_read=None
    )
    queries.update(moved_vector=None)


def _delete(queries: QuerySet[Query]) -> None:
    queries.only("pk").delete()


def _remove_files(photos: Iterable[str]) -> None:
    for sha256 in photos:
        blob_remove_unused(sha256)
