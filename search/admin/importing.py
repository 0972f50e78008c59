"""The import page: a file into a collection, first as a dry run that says what is wrong line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from retrieval_site.bodies import BodyRule, may_send, takes_body
from retrieval_site.errors import AppError
from retrieval_site.people import signed_in
from search.admin.curated import is_staff
from search.importers.types import FORMATS, ImportOptions
from search.models import Collection
from search.services.imports import import_checked, import_start
from workers.models import Job

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

_FORMAT_LABELS = {
    "jsonl": "JSON Lines",
    "json": "JSON array",
    "csv": "CSV",
    "captions": "captions (name.jpg#k ⇥ text)",
    "coco": "COCO captions JSON",
    "karpathy": "Karpathy-split JSON",
    "zip": "zip with pictures",
}
_PER = [
    ("", "a document for each picture where pictures come along, else for each caption"),
    ("caption", "a document for each caption"),
    ("picture", "a document for each picture"),
]


class ImportForm(forms.Form):
    """A file and how to read it."""

    file = forms.FileField(
        help_text="JSONL, CSV, a zip with pictures, COCO or Karpathy JSON, or a captions file."
    )
    format = forms.ChoiceField(
        required=False,
        choices=[("", "recognise it"), *((f, _FORMAT_LABELS[f]) for f in FORMATS if f in _FORMAT_LABELS)],
    )
    per = forms.ChoiceField(choices=_PER, label="Of captions, make", required=False)


def _may_import(request: HttpRequest) -> bool:
    """Return whether the user is staff; raises Http404 for a collection of others, as the page itself does."""
    wanted = request.resolver_match.kwargs["collection_id"] if request.resolver_match else 0
    if is_staff(request) and not Collection.objects.curated_by(request.user).filter(pk=wanted).exists():
        raise Http404
    return is_staff(request)


@takes_body(BodyRule("import_max_bytes", refusal=may_send(_may_import)))
def import_view(request: HttpRequest, collection_id: int) -> HttpResponse:
    """Show the form; `check` starts a dry run, `import` the import; both go on as a job."""
    collection = Collection.objects.curated_by(request.user).filter(pk=collection_id).first()
    if collection is None:
        raise Http404
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        return _start(request, collection, form)
    context = {
        **admin.site.each_context(request),
        "collection": collection,
        "form": form,
        "title": f"Import into {collection}",
        "opts": Collection._meta,
    }
    return render(request, "admin/search/collection/import.html", context)


def import_checked_view(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    """Import for real what a dry run has checked."""
    check = get_object_or_404(Job, pk=job_id, type="import")
    if not Collection.objects.curated_by(request.user).filter(pk=check.params.get("collection")).exists():
        raise Http404
    return _to_job(import_checked(check=check, owner=signed_in(request)))


def _start(request: HttpRequest, collection: Any, form: ImportForm) -> HttpResponse:
    values = form.cleaned_data
    try:
        job = import_start(
            collection=collection,
            file=values["file"],
            options=ImportOptions(values["format"] or None, values["per"] or None),
            dry_run="check" in request.POST,
            owner=signed_in(request),
        )
    except AppError as error:
        messages.error(request, f"{error.message} ({error.id})")
        return HttpResponseRedirect(request.path)
    return _to_job(job)


def _to_job(job: Job) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:workers_job_change", args=[job.pk]))
