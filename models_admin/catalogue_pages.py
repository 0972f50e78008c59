"""The admin's page of the catalogue: a card for each published model, and the button that gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext

from models_admin.catalogue import cards, catalogue_model, model_get
from models_admin.starter import MEGABYTES, starter_here, starter_make
from retrieval_site.errors import AppError
from retrieval_site.languages.said import in_readers_language
from retrieval_site.people import manages_models, signed_in

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

CATALOGUE, GET = "models_admin_catalogue", "models_admin_catalogue_get"
STARTER = "models_admin_starter_make"


def catalogue_urls() -> list[URLPattern]:
    """Return the addresses of the catalogue, which stand before those of versions."""
    view = admin.site.admin_view
    return [
        path("catalogue/", view(catalogue_view), name=CATALOGUE),
        path("catalogue/starter/make/", view(starter_view), name=STARTER),
        path("catalogue/<slug:name>/get/", view(get_view), name=GET),
    ]


def catalogue_view(request: HttpRequest) -> HttpResponse:
    """Show what can be fetched, to those who may fetch it."""
    _require_rights(request)
    found = cards()
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "cards": found,
        "title": gettext("Catalogue of models"),
    }
    context["starter"], context["starter_job"] = starter_here()
    context["starter_megabytes"] = MEGABYTES
    context["busy"] = any(card.job and not card.job.is_finished for card in found)
    return render(request, "admin/models_admin/catalogue.html", context)


def get_view(request: HttpRequest, name: str) -> HttpResponse:
    """Start to fetch a model and go to its job; a licence for research is accepted by the form's own box."""
    _require_rights(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        accept = request.POST.get("accept") == "yes"
        job = model_get(model=catalogue_model(name), by=signed_in(request), accept=accept)
    except AppError as error:
        messages.error(request, f"{in_readers_language(error.id, error.message)} ({error.id})")
        return HttpResponseRedirect(reverse(f"admin:{CATALOGUE}"))
    return HttpResponseRedirect(reverse("admin:workers_job_change", args=[job.pk]))


def starter_view(request: HttpRequest) -> HttpResponse:
    """Start to make the starter and go to its job."""
    _require_rights(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    job = starter_make(by=signed_in(request))
    return HttpResponseRedirect(reverse("admin:workers_job_change", args=[job.pk]))


def _require_rights(request: HttpRequest) -> None:
    if not manages_models(request.user):
        raise PermissionDenied
