"""What the curators' pages share: who may open them, and how a page says that something was refused."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from retrieval_site.errors import AppError
from retrieval_site.shown_errors import error_show
from search.curating.start import curated_collection
from search.throttling import PAGE
from search.views.indexing import unindexed
from search.views.people import members_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest, HttpResponse, HttpResponseBase

    from search.models import ChangeSet, Collection

    View = Callable[..., HttpResponse]


def curators_page(*methods: str) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """Make a view of `(request, collection, …)` the page of a collection, for its curators; others are told 404."""

    def decorate(view: View) -> Callable[..., HttpResponseBase]:
        @require_http_methods(list(methods))
        @unindexed
        @throttled(PAGE)
        @members_only
        @wraps(view)
        def opened(request: HttpRequest, slug: str, **kwargs: Any) -> HttpResponse:
            return view(request, curated_collection(slug, request.user), **kwargs)

        return opened

    return decorate


def numbers_of(written: list[str]) -> list[int]:
    """Return the ids in a form's values, each of which may be several with commas; what is none is passed over."""
    parts = [part for value in written for part in value[:2_000_000].split(",")]
    return [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 19]


def in_labels(error: AppError, labels: Mapping[str, str]) -> AppError:
    """Return a refusal that names its field as the form does; `labels` are by the names that programs use."""
    label = labels.get(str(error.detail.get("field", "")))
    if label is None:
        return error
    reason = error.detail.get("reason") or gettext("This cannot be used. Choose another one.")
    return AppError.quoting(error.id, f"“{label}”: {reason}", error.detail)


def said(request: HttpRequest, change_set: ChangeSet) -> HttpResponse:
    """Lead to the change that was started."""
    return redirect("search:curate-change", change_set.collection.slug, change_set.pk)


def refused(request: HttpRequest, error: AppError, collection: Collection, query: str = "") -> HttpResponse:
    """Lead back to the documents, where the refusal stands."""
    error_show(request, error)
    address = reverse("search:curate-documents", args=[collection.slug])
    return redirect(f"{address}?{query}" if query else address)
