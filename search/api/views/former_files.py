"""Former versions of a document's file, for its curators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from search.api.access import curated_document
from search.api.answers import FormerFileAnswer
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.permissions import signed_in
from search.api.presenting import former_file_json
from search.curating.former_files import former_file_erase
from search.services.document_files import former_files

if TYPE_CHECKING:
    from rest_framework.request import Request


class FormerFileListView(ApiView):
    """The former versions of one document's file."""

    query_parameters = {"GET": PageParameters}
    members_only = True

    @describe("former_files_list", {200: page_answer(FormerFileAnswer)}, parameters=[PageParameters])
    def get(self, request: Request, document_id: int) -> Response:
        """List the former versions of a document's file, newest first (curators)."""
        rows = former_files(curated_document(request, document_id), request.user)
        return self.page(rows, former_file_json, ordering="-id")


class FormerFileView(ApiView):
    """One former version."""

    members_only = True

    @describe("former_files_erase", {204: None})
    def delete(self, request: Request, document_id: int, file_id: int) -> Response:
        """Erase a former version of a document's file for good (curators)."""
        document = curated_document(request, document_id)
        former_file_erase(document=document, file_id=file_id, by=signed_in(request))
        return Response(status=204)
