"""One's own searches: those that were made, and those that are kept by a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers
from rest_framework.response import Response

from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.examples import NEW_SAVED_SEARCH
from search.api.own_answers import FindingAnswer, MadeSearchAnswer, SavedSearchAnswer
from search.api.pagination import page_of_batch
from search.api.parameters import Parameters, validated
from search.api.presenting import finding_json, made_search_json, saved_search_json
from search.asked import asked_searches
from search.models import SavedSearch
from search.services.alerts import alerts_set, findings_of
from search.services.saved_searches import (
    NAME_MAX,
    history_clear,
    own_saved_search,
    saved_search_create,
    saved_search_delete,
    saved_search_rename,
    saved_searches_of,
    searches_of,
)

if TYPE_CHECKING:
    from rest_framework.request import Request

    from search.models import Query


class SavedSearchChange(Parameters):
    """Another name; whether its owner is told of new documents that fit."""

    name = serializers.CharField(max_length=NAME_MAX)
    alerts = serializers.ChoiceField(choices=SavedSearch.Alerts.choices)


class SavedSearchNew(Parameters):
    """Which of one's own searches is kept, and by which name."""

    name = serializers.CharField(max_length=NAME_MAX)
    query = serializers.UUIDField(help_text="`query.id` of the search's answer")


class MadeSearchListView(ApiView):
    """The searches that the caller made."""

    query_parameters = {"GET": PageParameters}
    members_only = True

    @describe("searches_list", {200: page_answer(MadeSearchAnswer)}, parameters=[PageParameters])
    def get(self, request: Request) -> Response:
        """List the searches that you made, newest first."""

        def presented(queries: list[Query]) -> list[Any]:
            return [made_search_json(asked) for asked in asked_searches(queries, request.user)]

        rows = searches_of(request.user).select_related("saved")
        return page_of_batch(request, rows, presented, ordering="-created_at", limit=self.query["limit"])

    @describe("searches_clear", {204: None})
    def delete(self, request: Request) -> Response:
        """Delete all searches that you made and did not save, with their photos and everybody's judgements of them."""
        history_clear(viewer=request.user)
        return Response(status=204)


class SavedSearchListView(ApiView):
    """The searches that the caller saved."""

    query_parameters = {"GET": PageParameters}
    members_only = True

    @describe("saved_searches_list", {200: page_answer(SavedSearchAnswer)}, parameters=[PageParameters])
    def get(self, request: Request) -> Response:
        """List the searches that you saved, newest first."""

        def presented(rows: list[SavedSearch]) -> list[Any]:
            return _presented(rows, request)

        rows = saved_searches_of(request.user)
        return page_of_batch(request, rows, presented, ordering="-id", limit=self.query["limit"])

    @describe(
        "saved_searches_create",
        {200: SavedSearchAnswer, 201: SavedSearchAnswer},
        request=SavedSearchNew,
        examples=[NEW_SAVED_SEARCH],
    )
    def post(self, request: Request) -> Response:
        """Save a search that you made by a name; 200 where it was saved before and has another name now."""
        values = validated(SavedSearchNew, request.data)
        saved, new = saved_search_create(query_id=values["query"], viewer=request.user, name=values["name"])
        (answer,) = _presented([own_saved_search(saved.pk, request.user)], request)
        return Response(answer, status=201 if new else 200)


class SavedSearchView(ApiView):
    """One of the caller's saved searches."""

    members_only = True

    @describe("saved_searches_get", {200: SavedSearchAnswer})
    def get(self, request: Request, saved_id: int) -> Response:
        """Show a search that you saved."""
        return Response(_presented([own_saved_search(saved_id, request.user)], request)[0])

    @describe("saved_searches_update", {200: SavedSearchAnswer}, request=SavedSearchChange)
    def patch(self, request: Request, saved_id: int) -> Response:
        """Give a search that you saved another name, or be told of new documents that fit it."""
        saved = own_saved_search(saved_id, request.user)
        values = validated(SavedSearchChange, request.data, partial=True)
        if "name" in values:
            saved_search_rename(saved=saved, name=values["name"])
        if "alerts" in values:
            alerts_set(saved=saved, alerts=values["alerts"])
        return Response(_presented([saved], request)[0])

    @describe("saved_searches_delete", {204: None})
    def delete(self, request: Request, saved_id: int) -> Response:
        """Keep a search by its name no longer; the search itself stays until its age ends it."""
        saved_search_delete(saved=own_saved_search(saved_id, request.user))
        return Response(status=204)


class FindingListView(ApiView):
    """What is new for one of the caller's saved searches."""

    query_parameters = {"GET": PageParameters}
    members_only = True

    @describe("saved_searches_new", {200: page_answer(FindingAnswer)}, parameters=[PageParameters])
    def get(self, request: Request, saved_id: int) -> Response:
        """List the new documents that fit a search that you saved, newest first.

        They are seen once its page was opened; asking here changes nothing.
        """
        saved = own_saved_search(saved_id, request.user)
        rows = findings_of(request.user).filter(saved=saved).select_related("document__collection")
        return self.page(rows, finding_json, ordering="-id")


def _presented(rows: list[SavedSearch], request: Request) -> list[Any]:
    asked = asked_searches([row.query for row in rows], request.user)
    return [saved_search_json(saved, search) for saved, search in zip(rows, asked, strict=True)]
