"""What was done to a collection's documents, by whom, from what to what, and the way back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect, render
from django.utils.translation import gettext

from retrieval_site.database.counting import BoundedPaginator
from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.people import signed_in
from retrieval_site.posting import takes_form
from retrieval_site.shown_errors import error_show
from search.curating.changes import Kind
from search.curating.history import change_set_of, change_sets, change_sets_about
from search.curating.start import change_undo, curated_collection, may_take_back
from search.curating.states import CONTENT_HASH
from search.models import Collection
from search.views.curating.common import curators_page, said
from search.views.people import members_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.http import HttpRequest, HttpResponse

    from search.models import ChangedDocument

SETS_A_PAGE, CHANGES_A_PAGE = 50, 100
SHOWN_MAX = 300
"""Characters of a value from before or after."""
AROUND = 60
"""Characters of a text before the first that differs."""
_NAMES = {
    "title": gettext_lazy("Title"),
    "body": gettext_lazy("Text"),
    "url": gettext_lazy("Address"),
    "judgements": gettext_lazy("Judgements"),
    "tags": gettext_lazy("Tags"),
    "collection": gettext_lazy("Collection"),
    "images": gettext_lazy("Pictures"),
    "trashed": gettext_lazy("In the trash"),
    "former_file": gettext_lazy("Former version of the file"),
}


@dataclass(frozen=True)
class ShownDifference:
    """What changed of one attribute, in words."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class ShownChange:
    """What became of one document."""

    change: ChangedDocument
    differences: list[ShownDifference]


@curators_page("GET", "HEAD")
def changes(request: HttpRequest, collection: Collection) -> HttpResponse:
    """List a collection's changes, newest first; `?document=` those of one document."""
    document = request.GET.get("document", "")
    named = document.isascii() and document.isdigit() and len(document) < 19
    rows = change_sets_about(collection, int(document)) if named else change_sets(collection)
    page = BoundedPaginator(rows, SETS_A_PAGE).get_page(request.GET.get("page"))
    context = {"collection": collection, "page": page, "document": document, "tab": "changes"}
    return render(request, "search/curating/changes.html", context)


@curators_page("GET", "HEAD")
def change_set(request: HttpRequest, collection: Collection, change_set_id: int) -> HttpResponse:
    """Show one change: how far it is, and what became of each document."""
    found = change_set_of(collection, change_set_id)
    rows = found.changes.order_by("pk")
    left_only = "left" in request.GET
    if left_only:
        rows = rows.filter(state=Kind.LEFT)
    page = BoundedPaginator(rows, CHANGES_A_PAGE).get_page(request.GET.get("page"))
    names = dict(Collection.objects.curated_by(request.user).values_list("pk", "name"))
    context = {
        "collection": collection,
        "change_set": found,
        "page": page,
        "rows": [_shown(change, names) for change in page.object_list],
        "left_only": left_only,
        "may_undo": may_take_back(found),
        "tab": "changes",
    }
    return render(request, "search/curating/change_set.html", context)


@takes_form(opens="search:curate-change")
@throttled()
@members_only
def undo(request: HttpRequest, slug: str, change_set_id: int) -> HttpResponse:
    """Take a change back."""
    collection = curated_collection(slug, request.user)
    found = change_set_of(collection, change_set_id)
    try:
        return said(request, change_undo(change_set=found, by=signed_in(request)))
    except AppError as error:
        error_show(request, error)
        return redirect("search:curate-change", slug, change_set_id)


def _shown(change: ChangedDocument, names: Mapping[int, str]) -> ShownChange:
    return ShownChange(change, list(_differences(change, names)))


def _differences(change: ChangedDocument, names: Mapping[int, str]) -> Iterator[ShownDifference]:
    for name, after in change.after.items():
        before = change.before.get(name)
        if name == "metadata":
            for key, value in after.items():
                yield ShownDifference(key, _field(before.get(key, [])), _field(value))
        elif name == "body":
            yield ShownDifference(_NAMES[name], *_texts(before, after))
        elif before != after and name not in ("outline", CONTENT_HASH):
            yield ShownDifference(
                _NAMES.get(name, name), _words(name, before, names), _words(name, after, names)
            )


def _texts(before: str, after: str) -> tuple[str, str]:
    """Return of two long texts what stands around the first place where they differ."""
    pairs = enumerate(zip(before, after, strict=False))
    alike = next((place for place, (one, other) in pairs if one != other), min(len(before), len(after)))
    start = max(0, alike - AROUND) if max(len(before), len(after)) > SHOWN_MAX else 0
    cut = "…" * bool(start)
    return cut + before[start : start + SHOWN_MAX], cut + after[start : start + SHOWN_MAX]


def _words(name: str, value: Any, names: Mapping[int, str]) -> str:
    if name == "collection":
        return names.get(value, gettext("another collection"))
    if name == "trashed":
        return gettext("yes") if value else gettext("no")
    if name in ("images", "judgements"):
        return str(len([one for one in value if name == "images" or value[one]]))
    return str(value)[:SHOWN_MAX] if isinstance(value, str) else _listed(value)


def _listed(values: Iterable[str]) -> str:
    return ", ".join(values)[:SHOWN_MAX]


def _field(held: list[Any]) -> str:
    if not held:
        return ""
    value = held[0]
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:SHOWN_MAX]
