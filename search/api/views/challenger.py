"""The challenger: which version is compared with the one that answers, how, and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework import serializers
from rest_framework.response import Response

from models_admin.challenger import (
    BUDGET_MS_MAX,
    challenger_end,
    challenger_find,
    challenger_interleave,
    challenger_share,
)
from models_admin.services import CHALLENGER, version_activate
from retrieval_site.errors import AppError
from search.api.access import usable_version
from search.api.base import ApiView, describe
from search.api.evaluation_answers import ChallengerAnswer
from search.api.evaluation_presenting import challenger_json
from search.api.parameters import Parameters, validated
from search.api.permissions import require_operator, signed_in

if TYPE_CHECKING:
    from rest_framework.request import Request

    from models_admin.models import Alias, ModelVersion


class Challenging(Parameters):
    """How a version is compared from now on; what is left out stays as it is, at first 0 and 50 milliseconds."""

    share = serializers.FloatField(min_value=0, max_value=1, required=False)
    interleaved = serializers.FloatField(min_value=0, max_value=1, required=False)
    budget_ms = serializers.IntegerField(min_value=1, max_value=BUDGET_MS_MAX, required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


class ChallengerView(ApiView):
    """The version that is compared with the one that answers."""

    members_only = True

    @describe("models_challenger", {200: ChallengerAnswer})
    def get(self, request: Request, model: str) -> Response:
        """Show how a version is compared, and what was found (operators)."""
        return Response(challenger_json(_challenger(request, model)))

    @describe("models_challenge", {200: ChallengerAnswer}, request=Challenging)
    def post(self, request: Request, model: str) -> Response:
        """Make a version the challenger, or change how the challenger is compared (operators)."""
        require_operator(request)
        values = validated(Challenging, request.data)
        version = usable_version(request, model)
        if challenger_find(version) is None:
            version_activate(
                version=version, by=signed_in(request), alias=CHALLENGER, reason=values["reason"]
            )
        if "share" in values:
            challenger_share(share=values["share"])
        challenger_interleave(share=values.get("interleaved"), budget_ms=values.get("budget_ms"))
        return Response(challenger_json(_of_version(version)))

    @describe("models_challenge_end", {204: None})
    def delete(self, request: Request, model: str) -> Response:
        """Let it be the challenger no more (operators); what was found out stays."""
        _challenger(request, model)
        challenger_end()
        return Response(status=204)


def _challenger(request: Request, model: str) -> Alias:
    require_operator(request)
    return _of_version(usable_version(request, model))


def _of_version(version: ModelVersion) -> Alias:
    alias = challenger_find(version)
    if alias is None:
        raise AppError("model.not_found", model=CHALLENGER)
    return alias
