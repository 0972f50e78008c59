"""Judgements: which results were right, and the files made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.response import Response

from retrieval_site.errors import AppError
from search.api.authentication import enforce_csrf_for_session
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.examples import NEW_JUDGEMENT
from search.api.own_answers import JudgementAnswer
from search.api.parameters import Parameters, validated
from search.api.presenting import judgement_json
from search.downloads import download
from search.exports import csv_lines, exportable_by, qrels_lines, run_lines
from search.models import Collection, Document, Judgement
from search.services.judgements import (
    COMMENT_MAX,
    judgement_clear,
    judgement_set,
    own_judgements,
    rater_of,
)
from search.sessions import session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import StreamingHttpResponse
    from rest_framework.request import Request


class JudgementChange(Parameters):
    """A grade from 0 (not relevant) over 2 (relevant) to 3 (perfect), and why."""

    grade = serializers.IntegerField(min_value=0, max_value=3)
    comment = serializers.CharField(max_length=COMMENT_MAX, allow_blank=True, required=False)


class JudgementNew(JudgementChange):
    """A judgement of one document in the answer to one query."""

    query = serializers.UUIDField()
    document = serializers.IntegerField(min_value=1)


class JudgementListParameters(PageParameters):
    """Which of one's own judgements."""

    query = serializers.UUIDField(required=False)
    document = serializers.IntegerField(min_value=1, required=False)


class ExportParameters(Parameters):
    """Which judgements to take away."""

    collection = serializers.SlugField(required=False, max_length=80)
    model = serializers.CharField(required=False, max_length=120, help_text="name@version that answered")
    query = serializers.UUIDField(required=False)


class JudgementListView(ApiView):
    """One's own judgements."""

    query_parameters = {"GET": JudgementListParameters}
    anonymous_methods = ("POST",)
    in_session = True

    @describe("judgements_list", {200: page_answer(JudgementAnswer)}, parameters=[JudgementListParameters])
    def get(self, request: Request) -> Response:
        """List your own judgements."""
        rows = own_judgements(request.user, session_of(request))
        wanted = {name: self.query[name] for name in ("query", "document") if name in self.query}
        return self.page(rows.filter(**wanted), judgement_json)

    @describe(
        "judgements_create",
        {200: JudgementAnswer, 201: JudgementAnswer},
        request=JudgementNew,
        examples=[NEW_JUDGEMENT],
    )
    def post(self, request: Request) -> Response:
        """Judge a document of a query's answer; 200 where you had judged it before."""
        session = session_to_write(request)
        values = validated(JudgementNew, request.data)
        judgement = judgement_set(
            query_id=values["query"],
            document_id=values["document"],
            viewer=request.user,
            session=session,
            grade=values["grade"],
            comment=values.get("comment"),
        )
        return Response(judgement_json(judgement), status=201 if judgement.is_new else 200)


class JudgementView(ApiView):
    """One of one's own judgements."""

    anonymous_methods = ("PATCH", "DELETE")
    in_session = True

    @describe("judgements_get", {200: JudgementAnswer})
    def get(self, request: Request, judgement_id: int) -> Response:
        """Show your judgement."""
        return Response(judgement_json(_own(request, judgement_id)))

    @describe("judgements_update", {200: JudgementAnswer}, request=JudgementChange)
    def patch(self, request: Request, judgement_id: int) -> Response:
        """Change your grade or comment."""
        session = session_to_write(request)
        judgement = _own(request, judgement_id)
        values = validated(JudgementChange, request.data, partial=True)
        changed = judgement_set(
            query_id=judgement.query_id,
            document_id=judgement.document_id,
            viewer=request.user,
            session=session,
            grade=values.get("grade", judgement.grade),
            comment=values.get("comment"),
        )
        return Response(judgement_json(changed))

    @describe("judgements_delete", {204: None})
    def delete(self, request: Request, judgement_id: int) -> Response:
        """Undo your judgement."""
        session = session_to_write(request)
        judgement = _own(request, judgement_id)
        judgement_clear(
            query_id=judgement.query_id,
            document_id=judgement.document_id,
            viewer=request.user,
            session=session,
        )
        return Response(status=204)


class JudgementExportView(ApiView):
    """Judgements as a file; for staff and curators."""

    query_parameters = {"GET": ExportParameters}
    members_only = True

    def file(self, lines: Callable[[Any], Iterator[str]], name: str, kind: str) -> StreamingHttpResponse:
        """Answer the judgements that were asked for; raises `permission.denied` for who curates nothing."""
        user = self.request.user
        if not (user.is_staff or Collection.objects.curated_by(user).exists()):
            raise AppError("permission.denied/judgements")
        rows = self._chosen(exportable_by(user))
        asked = {name: str(value) for name, value in self.query.items()}
        return download(lines(rows), name, kind, count=rows.count(), asked=asked)

    def _chosen(self, rows: Any) -> Any:
        if "collection" in self.query:
            rows = rows.filter(document__collection__slug=self.query["collection"])
        if "model" in self.query:
            name, _, number = self.query["model"].rpartition("@")
            rows = rows.filter(query__version__name=name, query__version__number=_number(number))
        return rows.filter(query=self.query["query"]) if "query" in self.query else rows


class QrelsView(JudgementExportView):
    """TREC qrels."""

    @describe(
        "judgements_export_qrels", {(200, "text/plain"): OpenApiTypes.STR}, parameters=[ExportParameters]
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Export as TREC qrels: `qid 0 docid grade`; several people's grades become their lower median."""
        return self.file(qrels_lines, "judgements.qrels", "text/plain")


class RunView(JudgementExportView):
    """A TREC run."""

    @describe("judgements_export_run", {(200, "text/plain"): OpenApiTypes.STR}, parameters=[ExportParameters])
    def get(self, request: Request) -> StreamingHttpResponse:
        """Export the answers that were judged as a TREC run: `qid Q0 docid rank score tag`, ids as in the qrels."""
        documents = Document.objects.visible_to(request.user)
        return self.file(lambda judgements: run_lines(judgements, documents), "judgements.run", "text/plain")


class CsvView(JudgementExportView):
    """CSV."""

    @describe("judgements_export_csv", {(200, "text/csv"): OpenApiTypes.STR}, parameters=[ExportParameters])
    def get(self, request: Request) -> StreamingHttpResponse:
        """Export as CSV: every judgement with its rater, comment, model, rank and score."""
        return self.file(csv_lines, "judgements.csv", "text/csv")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _own(request: Request, judgement_id: int) -> Judgement:
    found: Judgement | None = (
        own_judgements(request.user, session_of(request)).filter(pk=judgement_id).first()
    )
    if found is None:
        raise AppError("judgement.not_found")
    return found


def session_to_write(request: Request) -> str:
    """Return the session of an anonymous rater, whose requests another site must not be able to send.

    Raises `auth.required` for who has neither name nor session, before the body is read.
    """
    session = session_of(request)
    rater_of(request.user, session)
    if session:
        enforce_csrf_for_session(request)
    return session
