"""A file into a collection, first as a dry run if wanted; and what became of the files before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.shortcuts import redirect, render

from retrieval_site.bodies import BodyRule, may_send, takes_body
from retrieval_site.database.counting import BoundedPaginator
from retrieval_site.errors import AppError
from retrieval_site.people import signed_in
from search.importers.asking import asks_for_columns
from search.importers.together import together
from search.job_types import IMPORT, LOOK_AT_TABLES
from search.models import Collection, KeptTableMapping
from search.services.imports import import_checked, import_keeping_extra_columns, import_start
from search.services.table_uploads import table_look_start
from search.views.curating.common import curators_page
from search.views.curating.recognition import (
    LETTER_CHOICES,
    recognition_choices,
    recognition_said,
    wished_recognition,
)
from search.views.curating.shown_imports import imports_of, shown_import
from workers.jobs.services import job_request_cancel, job_retry_failed
from workers.models import Job

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

JOBS_SHOWN, ITEMS_SHOWN, ITEMS_A_PAGE = 10, 5, 100


def _curates(request: HttpRequest) -> bool:
    """Return whether who sends a file curates the collection that the address names."""
    slug = request.resolver_match.kwargs["slug"] if request.resolver_match else ""
    return Collection.objects.curated_by(request.user).filter(slug=slug).exists()


@takes_body(BodyRule("import_max_bytes", refusal=may_send(_curates)))
@curators_page("GET", "HEAD", "POST")
def importing(request: HttpRequest, collection: Collection) -> HttpResponse:
    """Show the form and the newest imports; start one with the form's file, or with all of several together."""
    refusal = None
    if request.method == "POST":
        try:
            job = _start(request, collection)
            if job.type == LOOK_AT_TABLES.name:
                return redirect("search:curate-table", collection.slug, job.pk)
            return redirect("search:curate-import", collection.slug)
        except AppError as error:
            refusal = error
    imports = imports_of(collection, JOBS_SHOWN, ITEMS_SHOWN)
    context = {
        "collection": collection,
        "imports": imports,
        "is_running": any(one.is_running for one in imports),
        "refused": refusal,
        "tab": "import",
        "mappings": KeptTableMapping.objects.filter(collection=collection),
        "recognitions": recognition_choices(collection),
        "letters": LETTER_CHOICES,
        "files_max": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
    }
    return render(request, "search/curating/import.html", context, status=refusal.status if refusal else 200)


@curators_page("GET", "HEAD", "POST")
def one_import(request: HttpRequest, collection: Collection, job_id: uuid.UUID) -> HttpResponse:
    """Show what an import or check did, file by file; a form imports what was checked, tries again, or stops it."""
    job = Job.objects.filter(pk=job_id, type=IMPORT.name, params__collection=collection.pk).first()
    if job is None:
        raise AppError("job.not_found")
    refusal = None
    if request.method == "POST":
        try:
            asked = _asked_next(request, job)
            return redirect("search:curate-one-import", collection.slug, asked.pk)
        except AppError as error:
            refusal = error
    one = shown_import(job, 0)
    context = {
        "collection": collection,
        "one": one,
        "recognition": recognition_said(one.asked, collection),
        "page": BoundedPaginator(job.items.order_by("pk"), ITEMS_A_PAGE).get_page(request.GET.get("page")),
        "refused": refusal,
        "tab": "import",
    }
    return render(
        request, "search/curating/one_import.html", context, status=refusal.status if refusal else 200
    )


def _asked_next(request: HttpRequest, job: Job) -> Job:
    """Do what the button says, and return the job to look at. Raises AppError `import.*`, `job.*`."""
    by, action = signed_in(request), request.POST.get("do", "")
    if action == "import":
        return import_checked(check=job, owner=by)
    if action == "columns":
        return import_keeping_extra_columns(job=job, owner=by)
    if action == "retry":
        return job_retry_failed(job, by)
    return job_request_cancel(job) if action == "stop" else job


def _start(request: HttpRequest, collection: Collection) -> Job:
    files = request.FILES.getlist("file")
    if not files:
        raise AppError("curating.no_file")
    wished = wished_recognition(request.POST)
    with together(files) as file:
        if "ask" in request.POST or asks_for_columns(file):
            return table_look_start(
                collection=collection, file=file, options=wished, owner=signed_in(request)
            )
        return import_start(
            collection=collection,
            file=file,
            options=replace(
                wished, extra_columns="metadata" if "extra_columns" in request.POST else "refuse"
            ),
            dry_run="check" in request.POST,
            owner=signed_in(request),
        )
