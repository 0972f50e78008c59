"""The import page: a file into a collection, first as a dry run that says what is wrong line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext

from retrieval_site.bodies import BodyRule, may_send, takes_body
from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.people import signed_in
from retrieval_site.shown_errors import error_show
from search.admin.curated import is_staff
from search.importers.types import FORMATS, ImportOptions
from search.job_types import IMPORT, collection_of
from search.models import Collection
from search.services.imports import import_checked, import_keeping_extra_columns, import_start
from workers.models import Job

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

_FORMAT_LABELS = {
    "jsonl": gettext_lazy("JSON Lines"),
    "json": gettext_lazy("JSON array"),
    "csv": "CSV",
    "captions": gettext_lazy("captions (name.jpg#k ⇥ text)"),
    "coco": gettext_lazy("COCO captions JSON"),
    "karpathy": gettext_lazy("Karpathy-split JSON"),
    "zip": gettext_lazy("zip with pictures"),
}
_PER = [
    ("", gettext_lazy("picture, or caption where no pictures come along")),
    ("caption", "caption"),
    ("picture", "picture"),
]


FIELDS = [
    (
        "external_id",
        "or id",
        gettext_lazy("The document's name in the system that it comes from. The same again changes it."),
        "p-17",
        '"p-17"',
    ),
    ("title", "", gettext_lazy("Up to 500 characters."), "Circulation pump", '"Circulation pump"'),
    (
        "body",
        "or text",
        gettext_lazy("The text that is searched, up to 2,000,000 characters."),
        "The seal leaks.",
        '"The seal leaks."',
    ),
    (
        "url",
        "",
        gettext_lazy("Where the original is."),
        "https://example.com/p-17",
        '"https://example.com/p-17"',
    ),
    ("tags", "", gettext_lazy("Words to filter by."), "pump|leak", '["pump", "leak"]'),
    (
        "metadata",
        "",
        gettext_lazy("Anything else of your own, to filter by."),
        "a column metadata.site",
        '{"site": "Hall 3"}',
    ),
    (
        "images",
        "",
        gettext_lazy("Names of picture files in the zip."),
        "front.jpg|side.jpg",
        '["front.jpg", "side.jpg"]',
    ),
]
"""Each field of a document: its name, its other name, what it holds, and how it stands in CSV and in JSON Lines."""


class ImportForm(forms.Form):
    """A file and how to read it."""

    file = forms.FileField(
        help_text=gettext_lazy("CSV, JSON Lines, or a zip of either with pictures; more is said below.")
    )
    extra_columns = forms.BooleanField(
        required=False,
        label=gettext_lazy("Keep columns that are no field as metadata"),
        help_text=gettext_lazy(
            "A column “site” becomes “metadata.site”. Without the tick a file with such a column is refused."
        ),
        widget=forms.CheckboxInput(attrs={"value": "metadata"}),
    )
    format = forms.ChoiceField(
        required=False,
        choices=[
            ("", gettext_lazy("recognise it")),
            *((f, _FORMAT_LABELS[f]) for f in FORMATS if f in _FORMAT_LABELS),
        ],
    )
    per = forms.ChoiceField(
        choices=_PER, label=gettext_lazy("Of captions, make a document for each"), required=False
    )
    table = forms.CharField(
        required=False,
        max_length=1000,
        label=gettext_lazy("Table in the zip"),
        help_text=gettext_lazy(
            "Its name, where several files of a zip could be the one that lists the documents."
        ),
    )

    character_recognition = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Read text in pictures"),
        choices=[("", gettext_lazy("as the collection says")), *Collection.Recognition.choices],
    )
    letters = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Letters on scanned pages"),
        choices=[
            ("", gettext_lazy("by the collection's language")),
            ("latin", gettext_lazy("Latin")),
            ("any", gettext_lazy("all that are known")),
        ],
    )

    def options(self) -> ImportOptions:
        """Return how the file is to be read."""
        values = self.cleaned_data
        return ImportOptions(
            format=values["format"] or None,
            per=values["per"] or None,
            extra_columns="metadata" if values["extra_columns"] else "refuse",
            table=values["table"] or None,
            character_recognition=values["character_recognition"] or None,
            letters=values["letters"] or None,
        )


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
        "fields": FIELDS,
        "title": gettext("Import into {collection}").format(collection=collection),
        "opts": Collection._meta,
    }
    return render(request, "admin/search/collection/import.html", context)


def import_checked_view(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    """Import for real what a dry run has checked."""
    check = get_object_or_404(Job, pk=job_id, type=IMPORT.name)
    if not Collection.objects.curated_by(request.user).filter(pk=collection_of(check)).exists():
        raise Http404
    return _to_job(import_checked(check=check, owner=signed_in(request)))


def import_keeping_view(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    """Import the file of a refused import again, its other columns as metadata."""
    job = get_object_or_404(Job, pk=job_id, type=IMPORT.name)
    if not Collection.objects.curated_by(request.user).filter(pk=collection_of(job)).exists():
        raise Http404
    return _to_job(import_keeping_extra_columns(job=job, owner=signed_in(request)))


def _start(request: HttpRequest, collection: Any, form: ImportForm) -> HttpResponse:
    values = form.cleaned_data
    try:
        job = import_start(
            collection=collection,
            file=values["file"],
            options=form.options(),
            dry_run="check" in request.POST,
            owner=signed_in(request),
        )
    except AppError as error:
        error_show(request, error)
        return HttpResponseRedirect(request.path)
    return _to_job(job)


def _to_job(job: Job) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:workers_job_change", args=[job.pk]))
