"""A collection at a glance: each figure leads to its documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render

from search.curating.quality import QUALITIES, corpus_of
from search.views.curating.common import curators_page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from search.models import Collection


@curators_page("GET", "HEAD")
def quality(request: HttpRequest, collection: Collection) -> HttpResponse:
    """Show the figures."""
    corpus = corpus_of(collection)
    figures = [(name, words, corpus.figures[name]) for name, (words, _) in QUALITIES.items()]
    context = {"collection": collection, "corpus": corpus, "figures": figures, "tab": "quality"}
    return render(request, "search/curating/quality.html", context)
