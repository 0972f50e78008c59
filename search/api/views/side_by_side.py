"""One question, two versions, for programs: asking, what moved, blind preferences and what they amount to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.response import Response

from models_admin.services import champion
from search.api.base import REQUEST_ID, ApiView, PageParameters, describe, page_answer
from search.api.bodies import ONE_PICTURE_OF_MEMBERS
from search.api.evaluation_answers import (
    PREFERENCES,
    PreferencesListAnswer,
    SideBySideAnswer,
    SideBySideDetailAnswer,
)
from search.api.evaluation_presenting import (
    preferences_json,
    side_by_side_detail_json,
    side_by_side_json,
    sides_by_letter,
)
from search.api.parameters import Parameters, UploadField, validated
from search.api.parts import TEXT_MAX, part_asked
from search.api.permissions import signed_in
from search.api.pictures import AddressField, FramingParameters
from search.api.views.search import OnePartParameters, TargetField
from search.side_by_side.asking import (
    preference_set,
    side_by_side_create,
    side_by_side_find,
    side_by_sides_of,
    version_compared,
    versions_for,
)
from search.side_by_side.preferences import preferences_of
from search.side_by_side.standing import standing_of
from search.units.passage import PASSAGE

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from search.models import SideBySide


class SideBySideOptions(FramingParameters):
    """Which two versions are asked, what is looked for, and whether the caller sees whose answer is which."""

    first = serializers.CharField(max_length=120, help_text="name@version")
    second = serializers.CharField(max_length=120, help_text="name@version")
    target = TargetField(default=PASSAGE.target)
    blind = serializers.BooleanField(
        default=False, help_text="whose answer is which is said after a preference"
    )


class SideBySideNew(SideBySideOptions):
    """One of text and image_url."""

    text = serializers.CharField(required=False, max_length=TEXT_MAX)
    image_url = AddressField(required=False)


class SideBySideByPhoto(SideBySideOptions):
    """A photo, as a form."""

    image = UploadField()


class SideBySideAsked(SideBySideOptions, OnePartParameters):
    """All that may be sent."""


class PreferenceNew(Parameters):
    """Which answer is better."""

    preference = serializers.ChoiceField(choices=PREFERENCES)


class PreferencesParameters(Parameters):
    """Of which two versions; without `model`, of all that the caller may compare, beside the champion."""

    model = serializers.CharField(required=False, max_length=120, help_text="name@version")
    other = serializers.CharField(
        required=False, max_length=120, help_text="name@version; default: the champion"
    )


class SideBySideListView(ApiView):
    """The caller's comparisons."""

    query_parameters = {"GET": PageParameters}
    members_only = True
    takes_files = True
    body_rule = ONE_PICTURE_OF_MEMBERS

    @describe("side_by_side_list", {200: page_answer(SideBySideAnswer)}, parameters=[PageParameters])
    def get(self, request: Request) -> Response:
        """List what you asked two versions, newest first."""
        return self.page(side_by_sides_of(request.user), side_by_side_json, ordering="-created_at")

    @describe(
        "side_by_side_create",
        {201: SideBySideDetailAnswer},
        request={"application/json": SideBySideNew, "multipart/form-data": SideBySideByPhoto},
        parameters=[REQUEST_ID],
    )
    def post(self, request: Request) -> Response:
        """Ask two versions one question, with vectors alone; both answers are kept beside each other."""
        values = validated(SideBySideAsked, request.data)
        made = side_by_side_create(
            viewer=signed_in(request),
            part=part_asked(request, values),
            **{name: values[name] for name in ("first", "second", "target", "blind")},
        )
        headers = {"Location": reverse("api:side-by-side-one", args=[made.pk])}
        return Response(_detail(request, made.pk), status=201, headers=headers)


class SideBySideView(ApiView):
    """One comparison."""

    members_only = True

    @describe("side_by_side_get", {200: SideBySideDetailAnswer})
    def get(self, request: Request, side_by_side_id: UUID) -> Response:
        """Show both answers, and where each hit stands in the other."""
        return Response(_detail(request, side_by_side_id))


class SideBySidePreferenceView(ApiView):
    """Saying which answer is better."""

    members_only = True

    @describe("side_by_side_prefer", {200: SideBySideDetailAnswer}, request=PreferenceNew)
    def post(self, request: Request, side_by_side_id: UUID) -> Response:
        """Say which answer is better, once; the answer names the versions."""
        found = side_by_side_find(side_by_side_id, request.user)
        said = validated(PreferenceNew, request.data)["preference"]
        preference_set(side_by_side=found, preference=sides_by_letter(found).get(said, said))
        return Response(_detail(request, side_by_side_id))


class PreferencesView(ApiView):
    """What blind preferences amount to."""

    query_parameters = {"GET": PreferencesParameters}
    members_only = True

    @describe("side_by_side_preferences", {200: PreferencesListAnswer}, parameters=[PreferencesParameters])
    def get(self, request: Request) -> Response:
        """Count the blind preferences for each version beside another, with the sign test."""
        versions = versions_for(request.user)
        other = version_compared(request.user, self.query["other"]) if "other" in self.query else champion()
        asked = [version_compared(request.user, self.query["model"])] if "model" in self.query else versions
        found = [preferences_of(version, other) for version in asked if other and version.pk != other.pk]
        return Response({"results": [preferences_json(one) for one in found]})


def _detail(request: Request, side_by_side_id: UUID) -> dict[str, Any]:
    found: SideBySide = side_by_side_find(side_by_side_id, request.user)
    return side_by_side_detail_json(found, standing_of(found, request.user))
