"""Queues of the judging room: what the page does, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers
from rest_framework.response import Response

from retrieval_site.errors import AppError
from search.api.base import REQUEST_ID, ApiView, PageParameters, describe, page_answer
from search.api.bodies import PAIRS
from search.api.own_answers import JudgingQueueAnswer, JudgingQueueDetailAnswer, NextPairAnswer
from search.api.pagination import page_of_batch
from search.api.parameters import Parameters, UploadField, validated
from search.api.permissions import signed_in
from search.api.presenting import document_brief_json, part_json
from search.asked import asked_searches
from search.judging.candidate import candidate
from search.judging.make import NAME_MAX, queue_create
from search.judging.pairs_file import BYTES_MAX
from search.judging.queues import (
    QueueProgress,
    agreement_in,
    job_of,
    next_pair,
    pair_of,
    pair_skip,
    progress,
    progress_of,
    queue_delete,
    queue_for,
    queues_for,
    step_back,
)
from search.models import Collection, JudgingQueue
from search.units.registry import unit_kind, unit_kinds

if TYPE_CHECKING:
    from rest_framework.request import Request

    from search.models import JudgingPair
    from search.querysets import Viewer


class JudgingQueueNew(Parameters):
    """A name, the collection whose documents are judged, and where the pairs come from."""

    name = serializers.CharField(max_length=NAME_MAX)
    collection = serializers.SlugField(max_length=80)
    source = serializers.ChoiceField(choices=JudgingQueue.Source.choices)  # type: ignore[assignment]


class JudgingQueueOfFile(JudgingQueueNew):
    """With the source `file`, the pairs."""

    file = UploadField(required=False, help_text="CSV or JSON Lines")


class JudgingSkipNew(Parameters):
    """Which pair is left out."""

    pair = serializers.IntegerField(min_value=1)


class JudgingQueueListView(ApiView):
    """The queues that the caller may judge."""

    query_parameters = {"GET": PageParameters}
    members_only = True
    takes_files = True
    body_rule = PAIRS

    @describe("judging_queues_list", {200: page_answer(JudgingQueueAnswer)}, parameters=[PageParameters])
    def get(self, request: Request) -> Response:
        """List the queues that you may judge, newest first."""

        def presented(queues: list[JudgingQueue]) -> list[dict[str, Any]]:
            done = progress_of(queues, request.user)
            return [queue_json(queue, done[queue.pk]) for queue in queues]

        return page_of_batch(
            request, queues_for(request.user), presented, ordering="-id", limit=self.query["limit"]
        )

    @describe(
        "judging_queues_create",
        {201: JudgingQueueAnswer},
        request={"application/json": JudgingQueueNew, "multipart/form-data": JudgingQueueOfFile},
        parameters=[REQUEST_ID],
    )
    def post(self, request: Request) -> Response:
        """Make a queue; with the source `versions` a job finds its pairs, else they are there at once."""
        values = validated(JudgingQueueOfFile, request.data)
        if not Collection.objects.exported_by(request.user).exists():
            raise AppError("permission.denied/queues")
        queue = queue_create(
            viewer=signed_in(request),
            collection=values["collection"],
            name=values["name"],
            source=values["source"],
            file=values["file"].read(BYTES_MAX + 1) if "file" in values else b"",
        )
        return Response(queue_json(queue, progress(queue, request.user)), status=201)


class JudgingQueueView(ApiView):
    """One queue."""

    members_only = True

    @describe("judging_queues_get", {200: JudgingQueueDetailAnswer})
    def get(self, request: Request, queue_id: int) -> Response:
        """Show how far you are in a queue, and how far its raters agree."""
        queue = queue_for(queue_id, request.user)
        found = agreement_in(queue)
        agreement = {"alpha": found.alpha, "pairs": found.units}
        done = progress(queue, request.user)
        job = None if done.pairs else job_of(queue)
        error = {"id": job.error_id, "message": job.error} if job and job.error_id else None
        return Response(queue_json(queue, done) | {"agreement": agreement, "error": error})

    @describe("judging_queues_delete", {204: None})
    def delete(self, request: Request, queue_id: int) -> Response:
        """Delete a queue; what was judged stays."""
        queue_delete(queue=queue_for(queue_id, request.user))
        return Response(status=204)


class JudgingNextView(ApiView):
    """What is next in a queue."""

    members_only = True

    @describe("judging_queues_next", {200: NextPairAnswer})
    def get(self, request: Request, queue_id: int) -> Response:
        """Show the next pair that you have neither judged nor skipped."""
        return Response(_next_json(queue_for(queue_id, request.user), request.user))


class JudgingSkipView(ApiView):
    """Leaving pairs out."""

    members_only = True

    @describe("judging_queues_skip", {200: NextPairAnswer}, request=JudgingSkipNew)
    def post(self, request: Request, queue_id: int) -> Response:
        """Leave a pair out, for yourself; the answer is the next one."""
        queue = queue_for(queue_id, request.user)
        values = validated(JudgingSkipNew, request.data)
        pair_skip(pair=pair_of(queue, values["pair"]), viewer=request.user)
        return Response(_next_json(queue, request.user))


class JudgingBackView(ApiView):
    """Taking back."""

    members_only = True

    @describe("judging_queues_back", {200: NextPairAnswer}, request=None)
    def post(self, request: Request, queue_id: int) -> Response:
        """Take back what you judged or skipped last in this queue; its pair is the next one again."""
        queue = queue_for(queue_id, request.user)
        step_back(queue=queue, viewer=request.user)
        return Response(_next_json(queue, request.user))


def queue_json(queue: JudgingQueue, done: QueueProgress) -> dict[str, Any]:
    """Return a queue with how far the caller is; its collection must be loaded."""
    return {
        "id": queue.pk,
        "name": queue.name,
        "collection": queue.collection.slug,
        "source": queue.source,
        "pairs": done.pairs,
        "done": done.done,
        "skipped": done.skipped,
        "created_at": queue.created_at,
    }


def _next_json(queue: JudgingQueue, viewer: Viewer) -> dict[str, Any]:
    pair = next_pair(queue, viewer)
    return {"pair": pair and _pair_json(pair, viewer), "queue": queue_json(queue, progress(queue, viewer))}


def _pair_json(pair: JudgingPair, viewer: Viewer) -> dict[str, Any]:
    hit, (asked,) = candidate(pair), asked_searches([pair.query], viewer)
    return {
        "id": pair.pk,
        "query": {"id": str(pair.query_id), "parts": [part_json(part) for part in asked.parts]},
        "document": document_brief_json(hit.document),
        **{kind.name: None for kind in unit_kinds()},
        **({hit.kind: vars(unit_kind(hit.kind).shown.answer.of(hit.unit))} if hit.unit else {}),
    }
