"""Working through a queue: what is next, skipped, taken back, and how far a rater is.

A rater has done a pair when they have judged or skipped it. Nothing is locked or handed out: raters do not meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from retrieval_site.errors import AppError
from retrieval_site.people import account_of
from search.judging.agreement import Agreement, agreement, ordinal
from search.models import Collection, Judgement, JudgingPair, JudgingQueue, JudgingSkip

if TYPE_CHECKING:
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


def queues_for(viewer: Viewer) -> QuerySet[JudgingQueue]:
    """Return the queues that somebody may judge, newest first."""
    rows = JudgingQueue.objects.filter(collection__in=Collection.objects.judged_for(viewer))
    return rows.select_related("collection").order_by("-id")


def queue_for(queue_id: int, viewer: Viewer) -> JudgingQueue:
    """Return a queue; raises AppError `judging.not_found`."""
    queue = queues_for(viewer).filter(pk=queue_id).first()
    if queue is None:
        raise AppError("judging.not_found")
    return queue


def queue_delete(*, queue: JudgingQueue) -> None:
    """Delete a queue; what was judged stays."""
    queue.delete()


def _pairs(queue: JudgingQueue, viewer: Viewer) -> QuerySet[Any]:
    """Return the pairs of documents that are in the queue's collection still, with what the rater did with each."""
    user = account_of(viewer)
    mine = Judgement.objects.filter(query=OuterRef("query"), document=OuterRef("document"), user=user)
    skips = JudgingSkip.objects.filter(pair=OuterRef("pk"), user=user)
    rows = queue.pairs.filter(document__collection=queue.collection_id)
    return rows.annotate(is_judged=Exists(mine), is_skipped=Exists(skips)).order_by("place")


def progress(queue: JudgingQueue, viewer: Viewer) -> QueueProgress:
    """Return how far a rater is."""
    done = [
        (judged, skipped) for judged, skipped in _pairs(queue, viewer).values_list("is_judged", "is_skipped")
    ]
    skipped = sum(skipped and not judged for judged, skipped in done)
    return QueueProgress(len(done), sum(judged or skipped for judged, skipped in done), skipped)


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
    user = account_of(viewer)
    mine = Judgement.objects.filter(query=OuterRef("query"), document=OuterRef("document"), user=user)
    skips = JudgingSkip.objects.filter(pair=OuterRef("pk"), user=user)
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
