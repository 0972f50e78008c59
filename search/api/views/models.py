"""The model registry: what can answer, and for operators uploading, preparing and switching."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import prefetch_related_objects
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from models_admin.models import VersionState
from models_admin.services import (
    version_activate,
    version_delete,
    version_measure,
    version_prepare,
    version_retire,
    version_rollback,
    version_upload,
)
from models_admin.tags import TAG_CHARACTERS_MAX, TAGS_MAX, version_tag
from retrieval_site.people import manages_models
from search.api.access import known_versions, usable_version
from search.api.answers import JobAnswer, VersionAnswer
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.bodies import BUNDLE
from search.api.parameters import Parameters, UploadField, validated
from search.api.permissions import require_operator, signed_in
from search.api.presenting import job_json, version_json
from search.relevance.panel import calibrations_shown

if TYPE_CHECKING:
    from rest_framework.request import Request

    from models_admin.models import ModelVersion

STARTED = inline_serializer("VersionStarted", {"version": VersionAnswer(), "job": JobAnswer()})


class ModelListParameters(PageParameters):
    """Which versions."""

    state = serializers.ChoiceField(choices=VersionState.choices, required=False)
    name = serializers.CharField(required=False, max_length=100)
    tag = serializers.CharField(required=False, max_length=TAG_CHARACTERS_MAX)


class BundleUpload(Parameters):
    """A bundle (docs/bundle.md) and why it is here."""

    error_ids = {"bundle.empty": "bundle.empty"}

    bundle = UploadField()
    note = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


class Tagging(Parameters):
    """The tags that a version has from now on."""

    tags = serializers.ListField(
        child=serializers.CharField(max_length=TAG_CHARACTERS_MAX), max_length=TAGS_MAX
    )


class Switch(Parameters):
    """Why the model is switched; kept in the log."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


class Activating(Switch):
    """Whether to switch even where judgements say that the version is worse."""

    force = serializers.BooleanField(default=False)


class Retirement(Parameters):
    """Whether to give up a version that is kept for rollback."""

    force = serializers.BooleanField(default=False)


class ModelListView(ApiView):
    """Model versions."""

    for_guests = False
    takes_files = True
    body_rule = BUNDLE
    query_parameters = {"GET": ModelListParameters}

    @describe("models_list", {200: page_answer(VersionAnswer)}, parameters=[ModelListParameters])
    def get(self, request: Request) -> Response:
        """List the versions that can be used; operators see all of them."""
        wanted: dict[str, Any] = {name: self.query[name] for name in ("state", "name") if name in self.query}
        if "tag" in self.query:
            wanted["tags__contains"] = [self.query["tag"]]
        manages = manages_models(request.user)
        beside = ["aliases", *([calibrations_shown(request.user)] if manages else [])]
        rows = known_versions(request).filter(**wanted).prefetch_related(*beside)
        return self.page(rows, lambda version: version_json(version, manages=manages))

    @describe("models_upload", {202: STARTED}, request={"multipart/form-data": BundleUpload})
    def post(self, request: Request) -> Response:
        """Upload a bundle (operators); a job validates it."""
        require_operator(request)
        values = validated(BundleUpload, request.data)
        version, job = version_upload(bundle=values["bundle"], note=values["note"], by=signed_in(request))
        return Response({"version": _shown(request, version), "job": job_json(job, request.user)}, status=202)


class ModelView(ApiView):
    """One version, by `name@version` or alias."""

    for_guests = False

    @describe("models_get", {200: VersionAnswer})
    def get(self, request: Request, model: str) -> Response:
        """Show a version."""
        return Response(_shown(request, usable_version(request, model)))

    @describe("models_update", {200: VersionAnswer}, request=Tagging)
    def patch(self, request: Request, model: str) -> Response:
        """Give a version other tags (operators)."""
        require_operator(request)
        values = validated(Tagging, request.data)
        version_tag(version=(version := usable_version(request, model)), tags=values["tags"])
        return Response(_shown(request, version))

    @describe("models_delete", {204: None})
    def delete(self, request: Request, model: str) -> Response:
        """Delete a version that was refused or never validated (operators); no other was ever searched with."""
        require_operator(request)
        version_delete(version=usable_version(request, model))
        return Response(status=204)


class ModelPrepareView(ApiView):
    """Prepare."""

    @describe("models_prepare", {202: JobAnswer}, request=None)
    def post(self, request: Request, model: str) -> Response:
        """Encode every document for this version beside the running one, and build its indexes (operators)."""
        require_operator(request)
        job = version_prepare(version=usable_version(request, model), by=signed_in(request))
        return Response(job_json(job, request.user), status=202)


class ModelMeasureView(ApiView):
    """Measure."""

    @describe("models_measure", {202: JobAnswer}, request=None)
    def post(self, request: Request, model: str) -> Response:
        """Ask the searches that people judged again, under this version and under the champion (operators)."""
        require_operator(request)
        job = version_measure(version=usable_version(request, model), by=signed_in(request))
        return Response(job_json(job, request.user), status=202)


class ModelActivateView(ApiView):
    """Activate."""

    @describe("models_activate", {200: VersionAnswer}, request=Activating)
    def post(self, request: Request, model: str) -> Response:
        """Let this version answer searches from now on (operators)."""
        require_operator(request)
        values = validated(Activating, request.data)
        version = usable_version(request, model)
        version_activate(
            version=version, by=signed_in(request), reason=values["reason"], force=values["force"]
        )
        return Response(_shown(request, version))


class ModelRetireView(ApiView):
    """Retire."""

    @describe("models_retire", {200: VersionAnswer}, request=Retirement)
    def post(self, request: Request, model: str) -> Response:
        """Drop a version's vectors; its bundle stays (operators)."""
        require_operator(request)
        values = validated(Retirement, request.data)
        retired = version_retire(
            version=usable_version(request, model), by=signed_in(request), force=values["force"]
        )
        return Response(_shown(request, retired))


class ModelRollbackView(ApiView):
    """Roll back."""

    @describe("models_rollback", {200: VersionAnswer}, request=Switch)
    def post(self, request: Request) -> Response:
        """Let the version before answer again (operators)."""
        require_operator(request)
        values = validated(Switch, request.data)
        activation = version_rollback(by=signed_in(request), reason=values["reason"])
        return Response(_shown(request, activation.version))


def _shown(request: Request, version: ModelVersion) -> dict[str, Any]:
    manages = manages_models(request.user)
    if manages:
        prefetch_related_objects([version], calibrations_shown(request.user))
    return version_json(version, manages=manages)
