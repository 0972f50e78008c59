"""The hits of a kept search as files, as deep as they are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from drf_spectacular.types import OpenApiTypes
from rest_framework.response import Response

from search import retrieval
from search.api.answers import SearchResultAnswer
from search.api.base import ApiView, describe
from search.api.presenting import hit_json, search_json
from search.downloads import download
from search.hit_exports import csv_lines
from search.retrieval.pages import kept_hits, kept_query

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponseBase
    from rest_framework.request import Request


class HitsJsonView(ApiView):
    """JSON."""

    @describe("search_export_json", {200: SearchResultAnswer})
    def get(self, request: Request, query_id: UUID) -> Response:
        """Export all hits that are kept of a search, in the shape of one page."""
        about = replace(retrieval.reopen(query_id, request.user, limit=1), hits=(), next=None)
        hits = kept_hits(kept_query(query_id), request.user)
        response = Response(search_json(about) | {"results": [hit_json(hit) for hit in hits]})
        response["Content-Disposition"] = f'attachment; filename="hits-{query_id}.json"'
        return response


class HitsCsvView(ApiView):
    """CSV."""

    @describe("search_export_csv", {(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, query_id: UUID) -> HttpResponseBase:
        """Export all hits that are kept of a search as CSV, with the documents' metadata as columns."""
        query = kept_query(query_id)
        return download(
            csv_lines(query, kept_hits(query, request.user), request.user), f"hits-{query_id}.csv"
        )
