"""Sources of a collection: what is read again and again, and its rounds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.response import Response

from retrieval_site.errors import AppError
from search.api.access import curated_collection
from search.api.answers import JobAnswer
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.curating_answers import CollectionSourceAnswer, SourceRoundAnswer
from search.api.curating_presenting import round_json, source_json
from search.api.parameters import JsonObjectField, Parameters, changed, validated
from search.api.permissions import signed_in
from search.api.presenting import job_json
from search.models import Source
from search.services.sources import (
    HOURS_MAX,
    NAME_MAX,
    NewSource,
    rounds_of,
    source_create,
    source_delete,
    source_start,
    source_update,
    sources_curated_by,
)
from search.sources.s3_requests import S3Keys

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

ADDRESS_MAX = 2048
KEY_MAX = 200
SETTABLE = ("name", "options", "keys", "every_hours", "paused")
OPTIONS = "what can be set for its kind"
KEYS = "of a bucket; both empty: none of its own"


class KeyParameters(Parameters):
    """The key of a bucket, which no answer ever has."""

    key_id = serializers.CharField(max_length=KEY_MAX, required=False, allow_blank=True, help_text=KEYS)
    key_value = serializers.CharField(max_length=KEY_MAX, required=False, allow_blank=True, help_text=KEYS)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values with the two as one, `keys`, where either was sent."""
        if not {"key_id", "key_value"} & values.keys():
            return values
        return values | {"keys": S3Keys(values.pop("key_id", ""), values.pop("key_value", ""))}


class SourceChange(KeyParameters):
    """What can be changed of a source; other options have the next round make all anew."""

    name = serializers.CharField(max_length=NAME_MAX)
    options = JsonObjectField(default=dict, help_text=OPTIONS)
    every_hours = serializers.IntegerField(
        min_value=1, max_value=HOURS_MAX, allow_null=True, default=None, help_text="null: by no schedule"
    )
    paused = serializers.BooleanField(default=True, help_text="whether the schedule rests")


class SourceNew(KeyParameters):
    """A new source; it begins paused, with a dry run."""

    kind = serializers.ChoiceField(choices=Source.Kind.choices)
    address = serializers.CharField(max_length=ADDRESS_MAX, help_text="URL, s3:// and bucket, or a folder")
    name = serializers.CharField(max_length=NAME_MAX, required=False, help_text="default: its address")
    options = JsonObjectField(default=dict, help_text=OPTIONS)
    every_hours = serializers.IntegerField(
        min_value=1, max_value=HOURS_MAX, allow_null=True, default=None, help_text="null: by no schedule"
    )


class RoundNew(Parameters):
    """How a source is looked at."""

    dry_run = serializers.BooleanField(default=False, help_text="say what would happen, write nothing")
    anew = serializers.BooleanField(default=False, help_text="read all again, whatever is known of it")
    delete_many = serializers.BooleanField(
        default=False, help_text="remove what is gone from the source even if that is most of it"
    )


class SourceListView(ApiView):
    """The sources of one collection."""

    query_parameters = {"GET": PageParameters}
    members_only = True

    @describe("sources_list", {200: page_answer(CollectionSourceAnswer)}, parameters=[PageParameters])
    def get(self, request: Request, slug: str) -> Response:
        """List the sources of a collection (curators)."""
        return self.page(_sources(request, slug), source_json)

    @describe("sources_create", {201: CollectionSourceAnswer}, request=SourceNew)
    def post(self, request: Request, slug: str) -> Response:
        """Make a source, paused, and start a dry run of it (curators; of a folder, staff)."""
        collection = curated_collection(request, slug)
        values = validated(SourceNew, request.data)
        made = source_create(collection=collection, new=NewSource(**values), owner=signed_in(request))
        address = reverse("api:source", args=[slug, made.pk])
        return Response(source_json(made), status=201, headers={"Location": address})


class SourceView(ApiView):
    """One source."""

    members_only = True

    @describe("sources_get", {200: CollectionSourceAnswer})
    def get(self, request: Request, slug: str, source_id: int) -> Response:
        """Show a source (curators)."""
        return Response(source_json(_source(request, slug, source_id)))

    @describe("sources_update", {200: CollectionSourceAnswer}, request=SourceChange)
    def patch(self, request: Request, slug: str, source_id: int) -> Response:
        """Change what is sent, keep the rest (curators). Its rounds run in your name from then on."""
        found = _source(request, slug, source_id)
        values = validated(SourceChange, request.data, partial=True)
        source_update(source=found, by=signed_in(request), **changed(values, SETTABLE))
        return Response(source_json(_source(request, slug, source_id)))

    @describe("sources_delete", {204: None})
    def delete(self, request: Request, slug: str, source_id: int) -> Response:
        """Delete a source (curators). Its documents stay."""
        source_delete(source=_source(request, slug, source_id))
        return Response(status=204)


class SourceRoundListView(ApiView):
    """The rounds of one source."""

    query_parameters = {"GET": PageParameters}
    members_only = True

    @describe("sources_rounds", {200: page_answer(SourceRoundAnswer)}, parameters=[PageParameters])
    def get(self, request: Request, slug: str, source_id: int) -> Response:
        """List the rounds and dry runs of a source, newest first (curators)."""
        rows = rounds_of(_source(request, slug, source_id))
        return self.page(rows, partial(round_json, viewer=request.user), ordering="-created_at")

    @describe("sources_run", {202: JobAnswer}, request=RoundNew)
    def post(self, request: Request, slug: str, source_id: int) -> Response:
        """Start a round or a dry run (curators): 202 and the job; where one is at work already, that."""
        found = _source(request, slug, source_id)
        job = source_start(source=found, by=signed_in(request), **validated(RoundNew, request.data))
        headers = {"Location": reverse("api:job", args=[job.pk])}
        return Response(job_json(job, request.user), status=202, headers=headers)


def _sources(request: Request, slug: str) -> QuerySet[Source]:
    return sources_curated_by(request.user).filter(collection=curated_collection(request, slug))


def _source(request: Request, slug: str, source_id: int) -> Any:
    found = _sources(request, slug).filter(pk=source_id).first()
    if found is None:
        raise AppError("source.not_found")
    return found
