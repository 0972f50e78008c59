"""The judging room: queues of pairs, judged one after another with one key each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from search.asked import asked_searches
from search.judging.candidate import candidate
from search.judging.make import NAME_MAX, queue_create
from search.judging.pairs_file import BYTES_MAX
from search.judging.queues import (
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
from search.services.judgements import judgement_set
from search.views.cards import cards
from search.views.indexing import unindexed
from search.views.people import members_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from search.models import JudgingPair

QUEUES_SHOWN = 100
GRADES = (
    (0, gettext_lazy("Not relevant")),
    (1, gettext_lazy("Related")),
    (2, gettext_lazy("Relevant")),
    (3, gettext_lazy("Exactly it")),
)


@require_http_methods(["GET", "HEAD", "POST"])
@unindexed
@throttled()
@members_only
def queues(request: HttpRequest) -> HttpResponse:
    """List the queues that somebody judges, and make one."""
    if not Collection.objects.judged_for(request.user).exists():
        raise AppError("permission.denied/judging")
    refused = None
    if request.method == "POST":
        try:
            return redirect("search:judging-queue", _made(request).pk)
        except AppError as error:
            refused = error
    shown = list(queues_for(request.user)[:QUEUES_SHOWN])
    done = progress_of(shown, request.user)
    context = {
        "rows": [(queue, done[queue.pk]) for queue in shown],
        "collections": list(Collection.objects.exported_by(request.user)),
        "sources": JudgingQueue.Source.choices,
        "given": request.POST,
        "refused": refused,
        "name_max": NAME_MAX,
    }
    return render(request, "search/judging_queues.html", context, status=refused.status if refused else 200)


def _made(request: HttpRequest) -> JudgingQueue:
    file = request.FILES.get("file")
    return queue_create(
        viewer=request.user,
        collection=request.POST.get("collection", ""),
        name=request.POST.get("name", ""),
        source=request.POST.get("source", ""),
        file=file.read(BYTES_MAX + 1) if file else b"",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@unindexed
@throttled()
@members_only
def queue(request: HttpRequest, queue_id: int) -> HttpResponse:
    """Show the next pair; a form grades or skips it, or takes the last one back, and leads here again."""
    found = queue_for(queue_id, request.user)
    if request.method == "POST":
        _answered(request, found)
        return redirect("search:judging-queue", found.pk)
    pair = next_pair(found, request.user)
    done = progress(found, request.user)
    context = {
        "queue": found,
        "progress": done,
        "job": None if done.pairs else job_of(found),
        "agreement": agreement_in(found),
        "grades": GRADES,
        **(_shown(pair, request) if pair else {}),
    }
    return render(request, "search/judging_queue.html", context)


@require_POST
@throttled()
@members_only
def queue_end(request: HttpRequest, queue_id: int) -> HttpResponse:
    """Delete a queue; what was judged stays."""
    queue_delete(queue=queue_for(queue_id, request.user))
    messages.success(request, gettext("The queue is deleted. What was judged stays."))
    return redirect("search:judging")


def _answered(request: HttpRequest, found: JudgingQueue) -> None:
    said = request.POST.get("say", "")
    if said == "back":
        step_back(queue=found, viewer=request.user)
        return
    pair = pair_of(found, _number(request.POST.get("pair", "")))
    if said == "skip":
        pair_skip(pair=pair, viewer=request.user)
        return
    judgement_set(
        query_id=pair.query_id,
        document_id=pair.document_id,
        viewer=request.user,
        session="",
        grade=_number(said),
    )


def _number(written: str) -> int:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else -1


def _shown(pair: JudgingPair, request: HttpRequest) -> dict[str, Any]:
    (card,) = cards([candidate(pair)], pair.query_id, "cosine", {})
    return {"pair": pair, "card": card, "asked": asked_searches([pair.query], request.user)[0]}
