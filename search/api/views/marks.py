"""An earlier search asked again, moved by what its asker marked in the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from search import retrieval
from search.api.answers import SearchResultAnswer
from search.api.base import ApiView, describe
from search.api.parameters import validated
from search.api.presenting import search_json
from search.api.views.judgements import session_to_write
from search.api.views.search import MarksParameters
from search.retrieval.again import same_again
from search.retrieval.explain import explain_answer
from search.retrieval.pages import kept_query
from search.services.judgements import grades_of

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class SearchMarksView(ApiView):
    """More like what was marked as relevant."""

    read_methods = ("POST",)
    anonymous_methods = ("POST",)

    @describe("search_by_marks", {200: SearchResultAnswer}, request=MarksParameters)
    def post(self, request: Request, query_id: UUID) -> Response:
        """Search again, towards what you judged as relevant in this search's answer and away from what is not."""
        session = session_to_write(request)
        values = validated(MarksParameters, request.data)
        query = kept_query(query_id)
        asked = same_again(query, request.user, session, values["limit"])
        found = retrieval.search_by_marks(query, asked, grades_of(query, request.user, session))
        return Response(search_json(found, explain_answer(found) if values["explain"] else {}))
