"""The hits of a kept search as files, as deep as they are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from drf_spectacular.types import OpenApiTypes
from rest_framework.response import Response

from retrieval_site.audit import export_note
from search import retrieval
from search.api.answers import SearchResultAnswer
from search.api.base import ApiView, describe
from search.api.presenting import hit_json, search_json
from search.downloads import download
from search.hit_exports import csv_lines
from search.retrieval.pages import hits_in, kept_query, whole_answer
from search.retrieval.types import AnswerReader
from search.sessions import session_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponseBase
    from rest_framework.request import Request

    from search.models import Query
    from search.retrieval.types import Ranking


class HitsJsonView(ApiView):
    """JSON."""

    @describe("search_export_json", {200: SearchResultAnswer})
    def get(self, request: Request, query_id: UUID) -> Response:
        """Export all hits that are kept of a search, in the shape of one page."""
        first = retrieval.reopen(query_id, request.user, limit=1, session=session_of(request))
        about, query = replace(first, hits=(), next=None), kept_query(query_id)
        hits = [hit_json(hit) for hit in hits_in(query, _whole_answer(request, query), request.user)]
        name = f"hits-{query_id}.json"
        export_note(name, count=len(hits))
        answer = search_json(about) | {"results": hits}
        return Response(answer, headers={"Content-Disposition": f'attachment; filename="{name}"'})


class HitsCsvView(ApiView):
    """CSV."""

    @describe("search_export_csv", {(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, query_id: UUID) -> HttpResponseBase:
        """Export all hits that are kept of a search as CSV, with the documents' metadata as columns."""
        query = kept_query(query_id)
        ranking = _whole_answer(request, query)
        lines = csv_lines(query, ranking, request.user)
        return download(lines, f"hits-{query_id}.csv", count=len(ranking.documents))


def _whole_answer(request: Request, query: Query) -> Ranking:
    return whole_answer(query, AnswerReader(request.user, session_of(request)))
