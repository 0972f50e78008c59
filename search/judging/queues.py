"""Working through a queue: what is next, skipped, taken back, and how far a rater is.

A rater has done a pair when they have judged or skipped it. Nothing is locked or handed out: raters do not meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce

from retrieval_site.errors import AppError
from retrieval_site.people import account_of
from search.job_types import FILL_QUEUE
from search.judging.agreement import Agreement, agreement, ordinal
from search.models import Collection, Judgement, JudgingPair, JudgingQueue, JudgingSkip
from workers.models import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from search.querysets import Viewer


@dataclass(frozen=True)
class QueueProgress:
    """How far one rater is; `done` are judged and skipped ones."""

    pairs: int
    done: int
    skipped: int

    @property
    def number(self) -> int:
        """The number of the pair that is next, from 1."""
        return min(self.done + 1, self.pairs)


def queues_for(viewer: Viewer) -> QuerySet[Any]:
    """Return the queues that somebody may judge, newest first; `is_kept`: they may fill and delete it, too."""
    rows = JudgingQueue.objects.filter(collection__in=Collection.objects.judged_for(viewer))
    rows = rows.annotate(is_kept=Q(collection__in=Collection.objects.exported_by(viewer)))
    return rows.select_related("collection").order_by("-id")


def queue_for(queue_id: int, viewer: Viewer) -> Any:
    """Return a queue; raises AppError `judging.not_found`."""
    queue = queues_for(viewer).filter(pk=queue_id).first()
    if queue is None:
        raise AppError("judging.not_found")
    return queue


def queue_delete(*, queue: Any) -> None:
    """Delete a queue of `queue_for`; what was judged stays. Raises AppError `permission.denied` for who only judges."""
    if not queue.is_kept:
        raise AppError("permission.denied/queues")
    queue.delete()


def _done_by(viewer: Viewer) -> tuple[QuerySet[Judgement], QuerySet[JudgingSkip]]:
    """Return what a rater did with the pair of an outer statement."""
    user = account_of(viewer)
    mine = Judgement.objects.filter(query=OuterRef("query"), document=OuterRef("document"), user=user)
    return mine, JudgingSkip.objects.filter(pair=OuterRef("pk"), user=user)


def _pairs(queue: JudgingQueue, viewer: Viewer) -> QuerySet[Any]:
    """Return the pairs of documents that are in the queue's collection still, with what the rater did with each."""
    mine, skips = _done_by(viewer)
    rows = queue.pairs.filter(document__collection=queue.collection_id)
    return rows.annotate(is_judged=Exists(mine), is_skipped=Exists(skips)).order_by("place")


def progress(queue: JudgingQueue, viewer: Viewer) -> QueueProgress:
    """Return how far a rater is."""
    return progress_of([queue], viewer)[queue.pk]


def progress_of(queues: Sequence[JudgingQueue], viewer: Viewer) -> dict[int, QueueProgress]:
    """Return how far a rater is in each of some queues, by their ids, in one statement."""
    mine, skips = _done_by(viewer)
    rows = JudgingPair.objects.filter(queue__in=queues, document__collection=F("queue__collection"))
    counted = (
        rows.order_by()
        .values_list("queue")
        .annotate(
            pairs=Count("pk"),
            done=Count("pk", filter=Q(Exists(mine)) | Q(Exists(skips))),
            skipped=Count("pk", filter=Q(Exists(skips)) & ~Q(Exists(mine))),
        )
    )
    found = {queue: QueueProgress(*counts) for queue, *counts in counted}
    return {queue.pk: found.get(queue.pk, QueueProgress(0, 0, 0)) for queue in queues}


def job_of(queue: JudgingQueue) -> Job | None:
    """Return the latest job that was to find a queue's pairs; None where none was needed."""
    if queue.source != JudgingQueue.Source.VERSIONS:
        return None
    jobs = Job.objects.filter(type=FILL_QUEUE.name, params__queue=queue.pk)
    latest: Job | None = jobs.order_by("-created_at").first()
    return latest


def next_pair(queue: JudgingQueue, viewer: Viewer) -> JudgingPair | None:
    """Return the first pair that the rater has neither judged nor skipped; None at the end."""
    rows = _pairs(queue, viewer).filter(is_judged=False, is_skipped=False)
    found: JudgingPair | None = rows.select_related("query__version", "document__collection").first()
    return found


def pair_of(queue: JudgingQueue, pair_id: int) -> JudgingPair:
    """Return a pair of this queue; raises AppError `judging.not_found/pair`."""
    pair = queue.pairs.filter(pk=pair_id, document__collection=queue.collection_id).first()
    if pair is None:
        raise AppError("judging.not_found/pair")
    return pair


def pair_skip(*, pair: JudgingPair, viewer: Viewer) -> None:
    """Leave a pair out, for this rater."""
    JudgingSkip.objects.bulk_create(
        [JudgingSkip(pair=pair, user_id=account_of(viewer))], ignore_conflicts=True
    )


def step_back(*, queue: JudgingQueue, viewer: Viewer) -> bool:
    """Take back what the rater did last since the queue was made, so that its pair is next; return whether there was
    anything.
    """
    user, (mine, skips) = account_of(viewer), _done_by(viewer)
    last = (
        _pairs(queue, viewer)
        .filter(Q(is_judged=True) | Q(is_skipped=True))
        .annotate(at=Coalesce(mine.values("updated_at")[:1], skips.values("created_at")[:1]))
        .filter(at__gte=queue.created_at)
        .order_by("-at")
        .first()
    )
    if last is None:
        return False
    Judgement.objects.filter(query=last.query_id, document=last.document_id, user=user).delete()
    JudgingSkip.objects.filter(pair=last, user=user).delete()
    return True


def agreement_in(queue: JudgingQueue) -> Agreement:
    """Return how far people with accounts agree on the queue's pairs; grades are ranks, so the metric is ordinal."""
    asked = queue.pairs.filter(query=OuterRef("query"), document=OuterRef("document"))
    rows = Judgement.objects.filter(Exists(asked), user__isnull=False)
    units: dict[tuple[object, int], list[int]] = {}
    for query_id, document_id, grade in rows.values_list("query", "document", "grade"):
        units.setdefault((query_id, document_id), []).append(grade)
    return agreement(units.values(), ordinal)
