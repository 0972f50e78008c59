"""Evaluation sets in the admin, for those who manage models: make one, measure versions by it, see its curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext

from models_admin.job_types import LEARN
from models_admin.learning import may_learn
from models_admin.services import version_find
from models_admin.versions import versions_live
from retrieval_site.bodies import BodyRule, may_send, takes_body
from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.panels import PanelAdmin
from retrieval_site.people import manages_models, signed_in
from retrieval_site.shown_errors import error_show
from search.adapting.from_set import may_be_learned_from, set_learn
from search.evaluation.charts import MEASURE_WORDS, charts_of
from search.evaluation.files import QRELS_BYTES_MAX
from search.evaluation.making import (
    NAME_MAX,
    NewSet,
    evaluation_set_create,
    evaluation_set_delete,
    evaluation_start_all,
)
from search.evaluation.rights import evaluation_sets_seen
from search.evaluation.tables import GOOD_AT_NOTE, result_row, results_of
from search.job_types import EVALUATE
from search.models import Collection, EvaluationSet
from workers.models import Job

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

JOBS_SHOWN, QUERIES_SHOWN = 5, 10


class EvaluationSetForm(forms.Form):
    """What a new set is made of."""

    name = forms.CharField(max_length=NAME_MAX)
    source = forms.ChoiceField(
        choices=EvaluationSet.Source.choices,
        widget=forms.RadioSelect,
        label=gettext_lazy("Where its queries come from"),
    )
    collection = forms.ModelChoiceField(
        Collection.objects.none(),
        required=False,
        to_field_name="slug",
        help_text=gettext_lazy("Where the queries are asked. Judged searches need none."),
    )
    queries = forms.FileField(
        required=False,
        help_text=gettext_lazy(
            "For a file of queries: an id, a tab and words on each line; or JSON Lines with id and text. "
            "For pictures, a zip with JSON Lines of id and image, and the pictures beside them."
        ),
    )
    qrels = forms.FileField(
        required=False,
        help_text=gettext_lazy(
            "TREC qrels: query, 0, the document's external id, grade. Grades from 1 on are relevant."
        ),
    )
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *given: Any, viewer: Any) -> None:
        super().__init__(*given)
        seen = Collection.objects.visible_to(viewer).order_by("name")
        cast("forms.ModelChoiceField[Any]", self.fields["collection"]).queryset = seen


def _measure(evaluation_set: EvaluationSet, request: HttpRequest) -> str:
    jobs = evaluation_start_all(evaluation_set=evaluation_set, by=signed_in(request))
    return ngettext(
        "{count} ready version is asked; this page will show how they did.",
        "{count} ready versions are asked; this page will show how they did.",
        len(jobs),
    ).format(count=len(jobs))


def _learn(evaluation_set: EvaluationSet, request: HttpRequest) -> str:
    version = version_find(request.POST.get("model", ""))
    set_learn(evaluation_set=evaluation_set, version=version, by=signed_in(request))
    return gettext(
        "{version} learns from “{name}”; nothing changes for anybody until what comes of it is activated."
    ).format(version=version, name=evaluation_set.name)


def _delete(evaluation_set: EvaluationSet, request: HttpRequest) -> str:
    name = evaluation_set.name
    evaluation_set_delete(evaluation_set=evaluation_set)
    return gettext("The evaluation set “{name}” is deleted, with what was measured by it.").format(name=name)


def _learners(evaluation_set: EvaluationSet) -> list[str]:
    """Return the versions that may learn from a set now, the champion first."""
    if not may_be_learned_from(evaluation_set):
        return []
    return [version.key for version in versions_live() if may_learn(version)]


def _operates(request: HttpRequest) -> bool:
    return manages_models(request.user)


@admin.register(EvaluationSet)
class EvaluationSetAdmin(PanelAdmin[EvaluationSet]):
    """Sets of queries with known answers, and how well each version found them over time."""

    list_display = ["name", "source", "collection", "size", "created_at", "created_by"]
    list_filter = ["source"]
    list_select_related = ["collection", "created_by"]
    search_fields = ["name", "note"]
    panel_template = "admin/search/evaluationset/panel.html"
    buttons = {"measure": _measure, "learn": _learn, "delete": _delete}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _operates(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _operates(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _operates(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvaluationSet]:
        """Show the sets of collections that the user sees, with what the panel names."""
        return evaluation_sets_seen(request.user).select_related("collection", "created_by")

    @takes_body(BodyRule("photos_max_bytes", refusal=may_send(_operates)))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make a set; measuring starts by the button on its page."""
        if not self.has_add_permission(request):
            raise Http404
        form = EvaluationSetForm(request.POST or None, request.FILES or None, viewer=request.user)
        if request.method == "POST" and form.is_valid() and (made := self._made(request, form)):
            return made
        context = {
            **self.admin_site.each_context(request),
            "form": form,
            "title": gettext("New evaluation set"),
            "opts": self.opts,
        }
        return render(request, "admin/search/evaluationset/new.html", context)

    def _made(self, request: HttpRequest, form: EvaluationSetForm) -> HttpResponse | None:
        """Make the set and go to its page; None where it is refused: the form stands as it was sent."""
        given = form.cleaned_data
        qrels = given["qrels"].read(QRELS_BYTES_MAX + 1) if given["qrels"] else b""
        collection = given["collection"].slug if given["collection"] else ""
        try:
            made = evaluation_set_create(
                new=NewSet(
                    name=given["name"],
                    source=given["source"],
                    collection=collection,
                    queries=given["queries"],
                    qrels=qrels,
                    note=given["note"],
                ),
                by=signed_in(request),
            )
        except AppError as error:
            error_show(request, error)
            return None
        messages.success(
            request, gettext("“{made}” has {size} queries.").format(made=made, size=intcomma(made.size))
        )
        return HttpResponseRedirect(reverse(f"admin:{self._url_name('change')}", args=[made.pk]))

    def get_urls(self) -> list[URLPattern]:
        """Add the page that says what is lost before a set is."""
        confirm = self.admin_site.admin_view(self.confirm_view)
        where = path("<slug:object_id>/confirm/delete/", confirm, name=self._url_name("confirm"))
        return [where, *super().get_urls()]

    def confirm_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say what deleting a set loses, with the button that does it."""
        row: EvaluationSet = self._row(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "set": row,
            "queries": row.queries.count(),
            "results": row.results.count(),
            "versions": row.results.values("version").distinct().count(),
            "title": gettext("Delete “{row}”?").format(row=row),
            "opts": self.opts,
        }
        return render(request, "admin/search/evaluationset/confirm.html", context)

    def action_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Do what a button says; from a set that is deleted, go to the list."""
        answer = super().action_view(request, object_id, action)
        if self.get_object(request, object_id) is None:
            return HttpResponseRedirect(reverse(f"admin:{self._url_name('changelist')}"))
        return answer

    def panel(self, row: EvaluationSet, request: HttpRequest) -> dict[str, Any]:
        """Show what the set asks, its curves and its results, newest first."""
        results = results_of(row)
        types = [EVALUATE.name, LEARN.name]
        jobs = Job.objects.filter(type__in=types, params__evaluation_set=row.pk).order_by("-created_at")
        shown = list(jobs[:JOBS_SHOWN])
        return {
            "set": row,
            "there": row.queries.count(),
            "queries": row.queries.select_related("document", "judged")[:QUERIES_SHOWN],
            "charts": list(charts_of(results)),
            "rows": [result_row(result) for result in reversed(results)],
            "measures": list(MEASURE_WORDS.values()),
            "note": GOOD_AT_NOTE,
            "jobs": shown,
            "busy": jobs.filter(state__in=["queued", "running"]).exists(),
            "ready": len(versions_live()),
            "learners": _learners(row),
        }
