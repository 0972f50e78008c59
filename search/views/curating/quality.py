"""A collection at a glance: each figure leads to its documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from retrieval_site.people import signed_in
from search.curating.duplicates import duplicate_groups, duplicates_job, duplicates_look
from search.curating.merging import MERGED_MAX
from search.curating.quality import QUALITIES, corpus_lately
from search.views.curating.common import curators_page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from search.models import Collection


@curators_page("GET", "HEAD")
def quality(request: HttpRequest, collection: Collection) -> HttpResponse:
    """Show the figures."""
    corpus, counted_at = corpus_lately(collection)
    figures = [(name, words, corpus.figures[name]) for name, (words, _) in QUALITIES.items()]
    context = {
        "collection": collection,
        "corpus": corpus,
        "counted_at": counted_at,
        "figures": figures,
        "tab": "quality",
    }
    return render(request, "search/curating/quality.html", context)


@curators_page("GET", "HEAD", "POST")
def duplicates(request: HttpRequest, collection: Collection) -> HttpResponse:
    """Show groups of documents that are the same or nearly so, each to be merged; a form has them looked for."""
    if request.method == "POST":
        duplicates_look(collection=collection, by=signed_in(request))
        messages.success(request, gettext("A job looks for near duplicates."))
        return redirect("search:curate-duplicates", collection.slug)
    groups = [group[:MERGED_MAX] for group in duplicate_groups(collection)]
    job = duplicates_job(collection)
    context = {"collection": collection, "groups": groups, "job": job, "tab": "quality"}
    return render(request, "search/curating/duplicates.html", context)
