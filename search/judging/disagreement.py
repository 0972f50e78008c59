"""Disagreement of versions: kept searches are asked again under two of them, by a job.

Documents that one puts far ahead of where the other has them tell the two apart best.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, Prefetch

from models_admin.models import ModelVersion
from models_admin.services import champion
from retrieval_site.errors import AppError
from search.judged.asking import rankings
from search.judged.searches import SECOND_PART
from search.judging.make import pairs_add
from search.models import Document, JudgingQueue, Query, QueryPart

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from search.judging.make import Pair
    from workers.jobs.context import JobContext

QUERIES_ASKED = 300
"""The newest searches of one part: about a minute for two models on two cores."""
DEPTH = 10
HITS_OF_A_QUERY = 5
PAIRS_MAX = 200


def fill_by_disagreement(queue_id: int, other_id: int, ctx: JobContext) -> int:
    """Give a queue the pairs on which the champion and another version differ most; return how many.

    Raises AppError `judging.not_found`, `model.none_active`, `judging.nothing`.
    """
    queue = JudgingQueue.objects.filter(pk=queue_id).first()
    other, first = ModelVersion.objects.filter(pk=other_id).first(), champion()
    if queue is None:
        raise AppError("judging.not_found")
    if first is None or other is None:
        raise AppError("model.none_active")
    parts = Prefetch("parts", QueryPart.objects.defer("embedding").select_related("preview"))
    newest = Query.objects.filter(~Exists(SECOND_PART), marked__isnull=True).order_by("-created_at")
    queries = list(newest.defer("answer").select_related("user").prefetch_related(parts)[:QUERIES_ASKED])
    found = [rankings(version, queries, ctx) for version in (first, other)]
    queue.pairs.all().delete()
    pairs_add(queue, _farthest(queue, found[0], found[1]))
    return queue.pairs.count()


def _farthest(queue: JudgingQueue, first: dict[UUID, list[int]], second: dict[UUID, list[int]]) -> list[Pair]:
    """Return the pairs of the queue's collection whose places differ most, at most five of a search."""
    apart: list[tuple[float, UUID, int]] = []
    for query in first.keys() & second.keys():
        ordered = sorted(differences(first[query], second[query]).items(), key=lambda one: -one[1])
        apart += [(far, query, document) for document, far in ordered[:HITS_OF_A_QUERY] if far > 0]
    wanted = {document for _, _, document in apart}
    rows = Document.objects.filter(collection=queue.collection_id, pk__in=wanted)
    own = set(rows.values_list("pk", flat=True))
    best = sorted((one for one in apart if one[2] in own), key=lambda one: (-one[0], str(one[1]), one[2]))
    return [(query, document) for _, query, document in best[:PAIRS_MAX]]


def differences(first: Sequence[int], second: Sequence[int]) -> dict[int, float]:
    """Return how far apart the places of each document in the first ten of either ranking are, as reciprocal ranks."""
    ranks = [{document: 1 / rank for rank, document in enumerate(each, 1)} for each in (first, second)]
    shown = dict.fromkeys([*first[:DEPTH], *second[:DEPTH]])
    return {document: abs(ranks[0].get(document, 0) - ranks[1].get(document, 0)) for document in shown}
