"""The admin's page of the catalogue: a card for each published model, with its button, and a form for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext

from models_admin.catalogue import cards, catalogue_model, model_get
from models_admin.job_types import GetModelParameters
from models_admin.own_models import LICENCE_MAX, NAME_MAX, own_model_get
from models_admin.starter import MEGABYTES, starter_here, starter_make
from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.people import manages_models, signed_in
from retrieval_site.shown_errors import error_show
from workers.hub.layouts import VARIANTS

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

CATALOGUE, GET = "models_admin_catalogue", "models_admin_catalogue_get"
STARTER, OWN = "models_admin_starter_make", "models_admin_catalogue_own"
_PLACE_MAX = 200


class OwnModelForm(forms.Form):
    """A model that is in no catalogue: where it lies, what it is called here, and its licence."""

    repository = forms.CharField(
        label=gettext_lazy("Repository"),
        max_length=_PLACE_MAX,
        help_text=gettext_lazy(
            "On the hub, as OWNER/NAME, with ONNX graphs in one of the two known layouts."
        ),
    )
    revision = forms.CharField(
        label=gettext_lazy("Revision"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("A branch, tag or commit. Empty: main, the newest."),
    )
    subfolder = forms.CharField(
        label=gettext_lazy("Folder"),
        max_length=_PLACE_MAX,
        required=False,
        help_text=gettext_lazy("Where the graphs lie in the repository, if not in the layout's own place."),
    )
    variant = forms.ChoiceField(
        label=gettext_lazy("Graphs"),
        choices=[(name, name or "float32") for name in VARIANTS],
        required=False,
    )
    name = forms.CharField(
        label=gettext_lazy("Name here"),
        max_length=NAME_MAX,
        help_text=gettext_lazy("Letters, digits, dots, dashes and underscores."),
    )
    licence = forms.CharField(label=gettext_lazy("Licence"), max_length=LICENCE_MAX)
    accept = forms.BooleanField(
        label=gettext_lazy("I have read the model's licence and accept it for this site.")
    )


def catalogue_urls() -> list[URLPattern]:
    """Return the addresses of the catalogue, which stand before those of versions."""
    view = admin.site.admin_view
    return [
        path("catalogue/", view(catalogue_view), name=CATALOGUE),
        path("catalogue/starter/make/", view(starter_view), name=STARTER),
        path("catalogue/own/", view(own_view), name=OWN),
        path("catalogue/<slug:name>/get/", view(get_view), name=GET),
    ]


def catalogue_view(request: HttpRequest) -> HttpResponse:
    """Show what can be fetched, to those who may fetch it."""
    _require_rights(request)
    return _page(request, OwnModelForm())


def _page(request: HttpRequest, form: OwnModelForm) -> HttpResponse:
    found = cards()
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "cards": found,
        "form": form,
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
        error_show(request, error)
        return HttpResponseRedirect(reverse(f"admin:{CATALOGUE}"))
    return HttpResponseRedirect(reverse("admin:workers_job_change", args=[job.pk]))


def own_view(request: HttpRequest) -> HttpResponse:
    """Start to fetch a model of no catalogue and go to its job; what cannot be meant stays in the form, with why."""
    _require_rights(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = OwnModelForm(request.POST)
    if form.is_valid():
        given = dict(form.cleaned_data)
        accept = given.pop("accept")
        try:
            job = own_model_get(asked=GetModelParameters(**given), by=signed_in(request), accept=accept)
        except AppError as error:
            error_show(request, error)
        else:
            return HttpResponseRedirect(reverse("admin:workers_job_change", args=[job.pk]))
    return _page(request, form)


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
