"""The first page: drop a photo here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import FileResponse, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from models_admin.services import champion
from retrieval_site.database.reading import reads
from retrieval_site.errors import AppError
from retrieval_site.people import manages_models
from search.guide import example_path, examples, is_out_of_place, notes
from search.models import Collection
from search.throttling import PAGE, PICTURE
from search.units.image import IMAGE
from search.views.choosing import chosen_target
from search.views.people import searchers_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.http import HttpRequest

    from models_admin.models import ModelVersion

EXAMPLE_SECONDS = 3600
ROBOTS = """User-agent: *
Disallow: /admin/
Disallow: /api/
Disallow: /images/
Disallow: /login/
Disallow: /search/
# Kept searches (/q/) are not listed here: a crawler must read their “noindex” to leave them out.
"""


@require_safe
@throttled(PAGE)
@searchers_only
@reads
def home(request: HttpRequest) -> HttpResponse:
    """Show the search form, what it searches, and what is missing where nothing can be searched yet."""
    collections = list(Collection.objects.visible_to(request.user).described_for(request.user))
    documents = sum(collection.document_count for collection in collections)
    answering = champion()
    context = {
        "collections": collections,
        "documents": documents,
        "missing": _missing(collections, documents, answering),
        "examples": [(key, label) for key, label, _ in examples()],
        "target": chosen_target(request),
        "notes": notes(answering, IMAGE.target),
        "offers_starter": is_out_of_place(answering, [collection.slug for collection in collections])
        and manages_models(request.user),
        "manages_models": answering is None and manages_models(request.user),
        "chosen": [],
    }
    return render(request, "search/home.html", context)


def _missing(collections: list[Collection], documents: int, answering: ModelVersion | None) -> str:
    """Return what keeps people from searching: "model", "collection", "documents", or "" for nothing."""
    if not collections:
        return "collection"
    if answering is None:
        return "model"
    return "" if documents else "documents"


@require_safe
@throttled(PICTURE)
@searchers_only
def example(request: HttpRequest, key: str) -> FileResponse:
    """Send an example photo."""
    path = example_path(key)
    if path is None or not path.is_file():
        raise AppError("example.not_found")
    response = FileResponse(path.open("rb"), content_type="image/jpeg")
    patch_cache_control(response, private=True, max_age=EXAMPLE_SECONDS)
    return response


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Tell crawlers where they have no business."""
    return HttpResponse(ROBOTS, content_type="text/plain; charset=utf-8")
