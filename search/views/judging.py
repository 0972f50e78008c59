"""Relevant or not: one answer per hit, which its giver can change and take back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django_htmx.http import trigger_client_event

from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.posting import takes_form
from search.models import Document
from search.retrieval import keep
from search.retrieval.pages import kept_query
from search.services.judgements import (
    NOT_RELEVANT,
    RELEVANT,
    judgement_clear,
    judgement_set,
    judgements_of,
)
from search.sessions import session_for, session_of
from search.views.marks import marked
from search.views.people import searchers_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from search.models import Judgement

_GRADES = {"relevant": RELEVANT, "not-relevant": NOT_RELEVANT}
_MESSAGES = {
    RELEVANT: gettext_lazy("Marked as relevant."),
    NOT_RELEVANT: gettext_lazy("Marked as not relevant."),
}


@takes_form(opens="search:results")
@throttled()
@searchers_only
def judge(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Keep or take back a judgement; answers HTMX with the buttons, others with the page they came from."""
    document = _document(request)
    judgement = _judged(request, query_id, document)
    if not getattr(request, "htmx", False):
        return redirect(_back(request, query_id, document))
    context = {"query_id": query_id, "document": document, "judgement": judgement}
    if request.POST.get("bar"):
        context |= _bar(request, query_id)
    response = render(request, "search/parts/judged.html", context)
    message = (
        gettext("Judgement taken back.")
        if judgement is None
        else _MESSAGES.get(judgement.grade, gettext("Judgement kept."))
    )
    return trigger_client_event(response, "sightline:say", {"text": message})


def _bar(request: HttpRequest, query_id: uuid.UUID) -> dict[str, Any]:
    """Return what the bar of marks above the hits says now."""
    query = kept_query(query_id)
    judged = judgements_of(query, request.user, session_of(request))
    marks = keep.marks_of(query)
    return {"bar": True, "query": query, "marks": marks, "marked": marked(judged, marks)}


def _judged(request: HttpRequest, query_id: uuid.UUID, document: Document) -> Judgement | None:
    verdict = request.POST.get("verdict", "")
    if verdict == "undo":
        session = session_of(request)
        judgement_clear(query_id=query_id, document_id=document.pk, viewer=request.user, session=session)
        return None
    if verdict not in _GRADES:
        raise AppError.of_parameter("verdict", gettext("Say “relevant” or “not relevant”."))
    with session_for(request) as session:
        return judgement_set(
            query_id=query_id,
            document_id=document.pk,
            viewer=request.user,
            session=session,
            grade=_GRADES[verdict],
            comment=request.POST.get("comment"),
        )


def _document(request: HttpRequest) -> Document:
    written = request.POST.get("document", "")
    known = written.isascii() and written.isdigit() and len(written) < 19
    rows = Document.objects.visible_to(request.user).filter(pk=int(written)) if known else None
    found: Document | None = rows.first() if rows is not None else None
    if found is None:
        raise AppError("document.not_found")
    return found


def _back(request: HttpRequest, query_id: uuid.UUID, document: Document) -> str:
    wanted = request.POST.get("back", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/"):
        return wanted
    return f"{reverse('search:results', args=[query_id])}#hit-{document.pk}"
