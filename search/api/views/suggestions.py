"""Suggestions while somebody types; the pages ask here too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework import serializers
from rest_framework.response import Response

from search.api.base import ApiView, describe
from search.api.own_answers import SuggestionsAnswer
from search.api.parameters import CollectionsField, Parameters
from search.api.presenting import suggestion_json
from search.suggestions import LIMIT_DEFAULT, LIMIT_MAX, TYPED_MAX, suggestions
from search.throttling import SUGGESTION

if TYPE_CHECKING:
    from rest_framework.request import Request


class SuggestionParameters(Parameters):
    """What was typed, and where it is looked for."""

    q = serializers.CharField(
        default="", allow_blank=True, max_length=TYPED_MAX, help_text="what was typed so far"
    )
    collections = CollectionsField()
    limit = serializers.IntegerField(default=LIMIT_DEFAULT, min_value=1, max_value=LIMIT_MAX)


class SuggestionView(ApiView):
    """What somebody may be about to write."""

    query_parameters = {"GET": SuggestionParameters}
    throttle_cost = SUGGESTION

    @describe("suggestions", {200: SuggestionsAnswer}, parameters=[SuggestionParameters])
    def get(self, request: Request) -> Response:
        """Suggest words and documents for what was typed.

        Titles with a word that begins so, external ids that do, and your own recent searches; of documents that you
        may see.
        """
        asked = self.query
        found = suggestions(asked["q"], request.user, asked["collections"], asked["limit"])
        return Response({"suggestions": [suggestion_json(each) for each in found]})
