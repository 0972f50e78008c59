"""How the fields of a collection are shown, and what they may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from retrieval_site.errors import AppError
from search.curating.fields import LABEL_MAX, PLACE_MAX, FieldSetup, field_name, field_set_up, fields_ordered
from search.models import Collection, CollectionField
from search.views.curating.common import curators_page
from search.views.filtering import label_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@curators_page("GET", "HEAD", "POST")
def fields(request: HttpRequest, collection: Collection) -> HttpResponse:
    """List the fields, each with its form; a form sets one up."""
    refusal = None
    if request.method == "POST":
        try:
            field = field_set_up(
                collection=collection,
                name=field_name(request.POST.get("name", "").strip()),
                setup=_setup(request),
            )
            messages.success(
                request, gettext("“{label}” is set up.").format(label=field.label or label_of(field.name))
            )
            return redirect("search:curate-fields", collection.slug)
        except AppError as error:
            refusal = error
    context = {
        "collection": collection,
        "rows": [(field, label_of(field.name)) for field in fields_ordered(collection)],
        "types": CollectionField.Type.choices,
        "label_max": LABEL_MAX,
        "place_max": PLACE_MAX,
        "refused": refusal,
        "tab": "fields",
    }
    status = refusal.status if refusal else 200
    return render(request, "search/curating/fields.html", context, status=status)


def _setup(request: HttpRequest) -> FieldSetup:
    place = request.POST.get("place", "").strip() or "0"
    values = (line.strip() for line in request.POST.get("vocabulary", "").splitlines())
    return FieldSetup(
        label=request.POST.get("label", ""),
        place=int(place) if place.isascii() and place.isdigit() and len(place) < 9 else -1,
        is_facet="is_facet" in request.POST,
        wanted_type=request.POST.get("type", ""),
        vocabulary=tuple(value for value in values if value),
    )
