"""Erasing a former version of a document's file: first what goes, then the deed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from retrieval_site.errors import AppError
from retrieval_site.people import signed_in
from search.curating.former_files import former_file_erase, former_file_of
from search.models import Document
from search.views.indexing import unindexed
from search.views.people import members_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_http_methods(["GET", "HEAD", "POST"])
@unindexed
@throttled()
@members_only
def erase(request: HttpRequest, document_id: int, file_id: int) -> HttpResponse:
    """Ask whether a former version shall go; erase it where the answer is yes."""
    rows = Document.objects.curated_by(request.user).select_related("collection")
    document = rows.filter(pk=document_id).first()
    if document is None:
        raise AppError("document.not_found")
    if request.method == "POST":
        former_file_erase(document=document, file_id=file_id, by=signed_in(request))
        messages.success(request, gettext("The former version is erased."))
        return redirect("search:document", document.pk)
    former = former_file_of(document, file_id, signed_in(request))
    context = {"document": document, "file": former}
    return render(request, "search/erase_former.html", context)
