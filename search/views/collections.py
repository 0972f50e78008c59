"""What there is to search: the collections, and the documents of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models.functions import Left
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from retrieval_site.database.counting import BoundedPaginator, counted
from retrieval_site.database.reading import reads
from retrieval_site.errors import AppError
from search.curating.rights import may_make_collections
from search.models import Collection, Document, DocumentImage, Membership
from search.throttling import PAGE
from search.views.people import searchers_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

DOCUMENTS_A_PAGE = 30
TITLE_MAX = 200
OPENING_CHARACTERS = 200


@require_safe
@throttled(PAGE)
@searchers_only
@reads
def collections(request: HttpRequest) -> HttpResponse:
    """List the collections that the viewer may see."""
    rows = Collection.objects.visible_to(request.user).described_for(request.user)
    may_curate = may_make_collections(request.user) or Collection.objects.curated_by(request.user).exists()
    return render(request, "search/collections.html", {"collections": rows, "may_curate": may_curate})


@require_safe
@throttled(PAGE)
@searchers_only
@reads
def collection(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a collection's documents, page by page; `?title=` keeps those whose title has these words."""
    rows = Collection.objects.visible_to(request.user).described_for(request.user)
    found = rows.filter(slug=slug).first()
    if found is None:
        raise AppError("collection.not_found")
    title = request.GET.get("title", "").strip().replace("\0", "")[:TITLE_MAX]
    documents = Document.objects.filter(collection=found).defer("body", "outline")
    documents = documents.annotate(opening=Left("body", OPENING_CHARACTERS))
    if title:
        documents = documents.filter(title__icontains=title)
    pages = BoundedPaginator(documents.prefetch_related("images"), DOCUMENTS_A_PAGE)
    context = {
        "collection": found,
        "title": title,
        "page": pages.get_page(request.GET.get("page")),
        "pictures": counted(DocumentImage.objects.filter(document__collection=found)),
        "edit_url": _edit_url(request, found),
        "may_curate": found.role == Membership.Role.CURATOR or getattr(request.user, "is_superuser", False),
        "chosen": [found.slug],
        "search_in": found.name,
    }
    return render(request, "search/collection.html", context)


def _edit_url(request: HttpRequest, found: Collection) -> str:
    if not getattr(request.user, "is_staff", False):
        return ""
    may_curate = Collection.objects.curated_by(request.user).filter(pk=found.pk).exists()
    return reverse("admin:search_collection_change", args=[found.pk]) if may_curate else ""
