"""The page of a job, with what only imports have: file and collection, what they stored, and undoing them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import OuterRef, Subquery
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext

from models_admin.job_types import named_versions
from models_admin.models import ModelVersion
from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.people import manages_models, signed_in
from retrieval_site.shown_errors import error_show
from search.job_rights import COLLECTION_ID
from search.job_types import IMPORT, UNDO_IMPORT, collection_of
from search.models import Collection, Document
from search.services.imports import refused_columns
from search.services.undoing import import_undo, import_undoable, may_be_undone
from workers.admin import JobAdmin
from workers.jobs.rights import require_permitted
from workers.jobs.types import common_result
from workers.models import Job, JobState

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

admin.site.unregister(Job)


@dataclass(frozen=True)
class About:
    """What an import, or the job that undoes one, works on; the collection only for who curates it."""

    file: str
    collection: Collection | None
    undoes: Job | None
    undone_by: str | None


@dataclass(frozen=True)
class Link:
    """A link among the buttons."""

    label: str
    url: str
    style: str = ""


_NAME_SHOWN = 30


class JobCollectionFilter(admin.SimpleListFilter):
    """The jobs that work on one collection; offers those that the user curates."""

    title = "collection"
    parameter_name = "collection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices, as (id, name)."""
        curated = Collection.objects.curated_by(request.user).order_by("name")
        return [(str(pk), name) for pk, name in curated.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        """Keep the jobs of that collection; none of one that is not offered."""
        if self.value() is None:
            return queryset
        offered = {pk for pk, _ in self.lookup_choices}
        if self.value() not in offered:
            return queryset.none()
        return queryset.alias(asked_collection=COLLECTION_ID).filter(asked_collection=self.value())


@admin.register(Job)
class ImportJobAdmin(JobAdmin):
    """Jobs as their own app shows them, and more of imports."""

    panel_template = "admin/search/job/panel.html"
    list_display = ["label", "state_badge", "file", "collection", *JobAdmin.list_display[2:]]
    list_filter = [JobCollectionFilter, *JobAdmin.list_filter]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Name each job's collection, where the user curates it."""
        curated = Collection.objects.curated_by(request.user).filter(pk=OuterRef("collection_id"))
        jobs = super().get_queryset(request).alias(collection_id=COLLECTION_ID)
        return jobs.annotate(collection_name=Subquery(curated.values("name")))

    @admin.display(description=gettext_lazy("collection"), ordering="collection_name")
    def collection(self, job: Any) -> str:
        """Return the name of the collection that the job works on."""
        return job.collection_name or ""

    @admin.display(description=gettext_lazy("file"))
    def file(self, job: Job) -> str:
        """Return the name of the file that an import reads, a long one without its middle."""
        name = _file_name(job)
        return name if len(name) <= _NAME_SHOWN else f"{name[: _NAME_SHOWN // 2]}…{name[-_NAME_SHOWN // 3 :]}"

    def get_urls(self) -> list[URLPattern]:
        """Add the page that undoes an import."""
        undo = self.admin_site.admin_view(self.undo_view)
        return [path("<slug:object_id>/undo/", undo, name="workers_job_undo"), *super().get_urls()]

    def panel(self, row: Job, request: HttpRequest) -> dict[str, Any]:
        """Add what the job works on and the ways to what it stored."""
        shown = super().panel(row, request)
        about = about_job(row, request.user)
        dry_run = shown["dry_run"]
        return {
            **shown,
            "about": about,
            "importable": dry_run and row.state == JobState.SUCCEEDED and about.collection is not None,
            "keeps_columns": refused_columns(row) and about.collection is not None,
            "result_title": gettext("What an import would do") if dry_run else gettext("What it did"),
            "links": [*(_links(row) if about.collection else []), *_version_links(row, request.user)],
        }

    def undo_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say what undoing the import would remove; after a confirmation start the job that does."""
        row = self._row(request, object_id)
        try:
            require_permitted(row, request.user)
            if request.method == "POST":
                return _to_job(import_undo(job=row, by=signed_in(request)))
        except AppError as error:
            error_show(request, error)
            return _to_job(row)
        if not may_be_undone(row):
            return _to_job(row)
        context = {
            **self.admin_site.each_context(request),
            "job": row,
            "about": about_job(row, request.user),
            "found": import_undoable(row),
            "changed": IMPORT.result_of(row).changed,
            "title": gettext("Undo this import?"),
            "opts": self.opts,
        }
        return render(request, "admin/search/job/undo.html", context)


def about_job(job: Job, user: Any) -> About:
    """Return what the job works on, as far as the user may know it."""
    collections = Collection.objects.curated_by(user).filter(pk=collection_of(job))
    undoing = UNDO_IMPORT.find_parameters(job)
    undoes = Job.objects.filter(pk=undoing.import_job).first() if undoing else None
    return About(_file_name(undoes or job), collections.first(), undoes, common_result(job).undone_by)


def _file_name(job: Job) -> str:
    asked = IMPORT.find_parameters(job)
    return (asked.filename or Path(asked.path or "").name) if asked else ""


def _links(job: Job) -> list[Link]:
    """Return the ways to what an import stored, and to undoing it."""
    links = []
    if job.type == IMPORT.name and Document.objects.filter(import_job=job).exists():
        address = f"{reverse('admin:search_document_changelist')}?import={job.pk}"
        links.append(Link(gettext("Documents that it created"), address))
    if may_be_undone(job):
        links.append(
            Link(gettext("Undo this import…"), reverse("admin:workers_job_undo", args=[job.pk]), "danger")
        )
    return links


def _version_links(job: Job, user: Any) -> list[Link]:
    """Return the ways to the versions that a job works on, or that came of it."""
    if not manages_models(user):
        return []
    versions = ModelVersion.objects.filter(pk__in=named_versions(job)).select_related("bundle").order_by("pk")
    return [
        Link(one.key, reverse("admin:models_admin_modelversion_change", args=[one.pk])) for one in versions
    ]


def _to_job(job: Job) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:workers_job_change", args=[job.pk]))
