"""Evaluation sets for programs: what the page does, for those who manage models."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.response import Response

from search.api.access import usable_version
from search.api.base import REQUEST_ID, ApiView, PageParameters, describe, page_answer
from search.api.bodies import EVALUATION
from search.api.evaluation_answers import (
    EvaluationQueryAnswer,
    EvaluationResultAnswer,
    EvaluationSetAnswer,
    EvaluationSetDetailAnswer,
    EvaluationStartedAnswer,
)
from search.api.evaluation_presenting import (
    evaluation_query_json,
    evaluation_result_json,
    evaluation_set_json,
)
from search.api.parameters import Parameters, UploadField, validated
from search.api.permissions import require_operator, signed_in
from search.api.presenting import job_json
from search.evaluation.files import QRELS_BYTES_MAX
from search.evaluation.making import (
    NAME_MAX,
    NewSet,
    evaluation_set_by_id,
    evaluation_set_create,
    evaluation_set_delete,
    evaluation_start,
    evaluation_start_all,
)
from search.evaluation.rights import evaluation_sets_seen
from search.models import EvaluationSet

if TYPE_CHECKING:
    from rest_framework.request import Request

NOTE_MAX = 2000


class EvaluationSetNew(Parameters):
    """A name, where the queries come from, and but for judgements the collection in which they are asked."""

    name = serializers.CharField(max_length=NAME_MAX)
    source = serializers.ChoiceField(choices=EvaluationSet.Source.choices)  # type: ignore[assignment]
    collection = serializers.SlugField(required=False, max_length=80)
    note = serializers.CharField(required=False, allow_blank=True, max_length=NOTE_MAX, default="")


class EvaluationSetOfFiles(EvaluationSetNew):
    """With the source `qrels`, its two files."""

    queries = UploadField(required=False, help_text="TSV, JSON Lines, or a zip with pictures")
    qrels = UploadField(required=False, help_text="TREC qrels")


class EvaluationRun(Parameters):
    """Which version is measured; without one, all that are ready."""

    model = serializers.CharField(required=False, max_length=120, help_text="alias or name@version")


class ResultParameters(PageParameters):
    """Which results."""

    model = serializers.CharField(required=False, max_length=120, help_text="alias or name@version")
    direction = serializers.CharField(required=False, max_length=30)


class EvaluationSetListView(ApiView):
    """Evaluation sets."""

    query_parameters = {"GET": PageParameters}
    members_only = True
    takes_files = True
    body_rule = EVALUATION

    @describe("evaluation_sets_list", {200: page_answer(EvaluationSetAnswer)}, parameters=[PageParameters])
    def get(self, request: Request) -> Response:
        """List the evaluation sets of collections that the caller sees, newest first (operators)."""
        require_operator(request)
        rows = evaluation_sets_seen(request.user).select_related("collection", "created_by")
        return self.page(rows, evaluation_set_json, ordering="-id")

    @describe(
        "evaluation_sets_create",
        {201: EvaluationSetDetailAnswer},
        request={"application/json": EvaluationSetNew, "multipart/form-data": EvaluationSetOfFiles},
        parameters=[REQUEST_ID],
    )
    def post(self, request: Request) -> Response:
        """Make a set of a collection's pairs, of judgements, or of files (operators); it is frozen from then on."""
        require_operator(request)
        values = validated(EvaluationSetOfFiles, request.data)
        made = evaluation_set_create(
            new=NewSet(
                name=values["name"],
                source=values["source"],
                collection=values.get("collection", ""),
                queries=values.get("queries", BytesIO()),
                qrels=values["qrels"].read(QRELS_BYTES_MAX + 1) if "qrels" in values else b"",
                note=values["note"],
            ),
            by=signed_in(request),
        )
        headers = {"Location": reverse("api:evaluation-set", args=[made.pk])}
        return Response(_detail_json(made), status=201, headers=headers)


class EvaluationSetView(ApiView):
    """One set."""

    members_only = True

    @describe("evaluation_sets_get", {200: EvaluationSetDetailAnswer})
    def get(self, request: Request, set_id: int) -> Response:
        """Show a set (operators)."""
        return Response(_detail_json(_found(request, set_id)))

    @describe("evaluation_sets_delete", {204: None})
    def delete(self, request: Request, set_id: int) -> Response:
        """Delete a set with its queries and all that was measured by it (operators)."""
        evaluation_set_delete(evaluation_set=_found(request, set_id))
        return Response(status=204)


class EvaluationQueryListView(ApiView):
    """What a set asks."""

    query_parameters = {"GET": PageParameters}
    members_only = True

    @describe(
        "evaluation_sets_queries", {200: page_answer(EvaluationQueryAnswer)}, parameters=[PageParameters]
    )
    def get(self, request: Request, set_id: int) -> Response:
        """List the queries of a set with the grades of their documents (operators)."""
        return self.page(_found(request, set_id).queries.all(), evaluation_query_json, ordering="place")


class EvaluationResultListView(ApiView):
    """What was measured by a set."""

    query_parameters = {"GET": ResultParameters}
    members_only = True

    @describe(
        "evaluation_sets_results", {200: page_answer(EvaluationResultAnswer)}, parameters=[ResultParameters]
    )
    def get(self, request: Request, set_id: int) -> Response:
        """List what was measured by a set, newest first (operators): measures, cost and coverage over time."""
        rows = _found(request, set_id).results.defer("values").select_related("version")
        if "model" in self.query:
            rows = rows.filter(version=usable_version(request, self.query["model"]))
        if "direction" in self.query:
            rows = rows.filter(direction=self.query["direction"])
        return self.page(rows, evaluation_result_json, ordering="-id")


class EvaluationRunView(ApiView):
    """Measuring by a set."""

    members_only = True

    @describe("evaluation_sets_measure", {202: EvaluationStartedAnswer}, request=EvaluationRun)
    def post(self, request: Request, set_id: int) -> Response:
        """Measure a version by a set, or every version that is ready (operators): 202 and the jobs to watch."""
        found, by = _found(request, set_id), signed_in(request)
        values = validated(EvaluationRun, request.data)
        if "model" in values:
            version = usable_version(request, values["model"])
            jobs = [evaluation_start(evaluation_set=found, version=version, by=by)]
        else:
            jobs = evaluation_start_all(evaluation_set=found, by=by)
        return Response({"jobs": [job_json(job, request.user) for job in jobs]}, status=202)


def _found(request: Request, set_id: int) -> EvaluationSet:
    require_operator(request)
    return evaluation_set_by_id(set_id, request.user)


def _detail_json(row: EvaluationSet) -> dict[str, Any]:
    return evaluation_set_json(row) | {"queries": row.queries.count()}
