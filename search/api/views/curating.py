"""The trash of a collection, its fields, and its quality at a glance: what the curators' pages do, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.response import Response

from search.api.access import curated_collection
from search.api.answers import JobAnswer
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.curating_answers import (
    CollectionFieldAnswer,
    CollectionFieldsAnswer,
    DuplicatesAnswer,
    QualityAnswer,
    TrashedDocumentAnswer,
    TrashEmptiedAnswer,
)
from search.api.curating_presenting import (
    collection_field_json,
    duplicates_json,
    quality_json,
    trashed_json,
)
from search.api.parameters import Parameters, ShortListField, validated
from search.api.permissions import signed_in
from search.api.presenting import job_json
from search.curating.duplicates import duplicate_groups, duplicates_job, duplicates_look
from search.curating.fields import (
    LABEL_MAX,
    PLACE_MAX,
    VOCABULARY_MAX,
    FieldSetup,
    field_set_up,
    fields_ordered,
)
from search.curating.quality import corpus_of
from search.curating.trash import trash_empty, trash_of
from search.filters.values import NAME_MAX, VALUE_MAX
from search.models import CollectionField

if TYPE_CHECKING:
    from rest_framework.request import Request


class FieldSetupNew(Parameters):
    """How a field is shown and what it may hold; what is not sent is left open."""

    name = serializers.CharField(max_length=NAME_MAX, help_text="`tags`, or `metadata.` and a key")
    label = serializers.CharField(max_length=LABEL_MAX, allow_blank=True, default="")  # type: ignore[assignment]
    place = serializers.IntegerField(
        min_value=0, max_value=PLACE_MAX, default=0, help_text="0: behind those that have one"
    )
    is_facet = serializers.BooleanField(default=True, help_text="whether it is offered as a filter")
    wanted_type = serializers.ChoiceField(
        choices=CollectionField.Type.choices, allow_blank=True, default="", help_text="empty: any"
    )
    vocabulary = ShortListField(
        child=serializers.CharField(max_length=VALUE_MAX),
        max_length=VOCABULARY_MAX,
        default=list,
        help_text="empty: any value",
    )


class TrashView(ApiView):
    """The trash of one collection."""

    query_parameters = {"GET": PageParameters}
    members_only = True

    @describe("trash_list", {200: page_answer(TrashedDocumentAnswer)}, parameters=[PageParameters])
    def get(self, request: Request, slug: str) -> Response:
        """List what is in the trash, last deleted first (curators). A change `restore` puts it back."""
        rows = trash_of(curated_collection(request, slug))
        return self.page(rows, trashed_json, ordering="-deleted_at")

    @describe("trash_empty", {200: TrashEmptiedAnswer})
    def delete(self, request: Request, slug: str) -> Response:
        """Delete everything in the trash for good (curators)."""
        return Response({"removed": trash_empty(collection=curated_collection(request, slug))})


class CollectionFieldsView(ApiView):
    """The fields of one collection."""

    members_only = True

    @describe("collection_fields_list", {200: CollectionFieldsAnswer})
    def get(self, request: Request, slug: str) -> Response:
        """List all fields with how they are set up, in their order (curators)."""
        rows = fields_ordered(curated_collection(request, slug))
        return Response({"results": [collection_field_json(field) for field in rows]})

    @describe("collection_fields_save", {200: CollectionFieldAnswer}, request=FieldSetupNew)
    def post(self, request: Request, slug: str) -> Response:
        """Say how a field is shown and what it may hold, also in advance (curators)."""
        collection = curated_collection(request, slug)
        values = validated(FieldSetupNew, request.data)
        name, vocabulary = values.pop("name"), tuple(values.pop("vocabulary"))
        setup = FieldSetup(**values, vocabulary=vocabulary)
        field = field_set_up(collection=collection, name=name, setup=setup)
        return Response(collection_field_json(field))


class QualityView(ApiView):
    """The quality of one collection."""

    members_only = True

    @describe("quality_get", {200: QualityAnswer})
    def get(self, request: Request, slug: str) -> Response:
        """Show a collection at a glance (curators). Each figure is a `quality` that changes can name."""
        return Response(quality_json(corpus_of(curated_collection(request, slug))))


class DuplicatesView(ApiView):
    """The duplicates of one collection."""

    members_only = True

    @describe("duplicates_list", {200: DuplicatesAnswer})
    def get(self, request: Request, slug: str) -> Response:
        """List groups of documents that are the same or nearly so (curators). A change `merge` joins them."""
        collection = curated_collection(request, slug)
        found = duplicate_groups(collection)
        return Response(duplicates_json(found, duplicates_job(collection), request.user))

    @describe("duplicates_find", {202: JobAnswer}, request=None)
    def post(self, request: Request, slug: str) -> Response:
        """Look for near-duplicates (curators): 202 and the job; where one is at work already, that."""
        by: Any = signed_in(request)
        job = duplicates_look(collection=curated_collection(request, slug), by=by)
        headers = {"Location": reverse("api:job", args=[job.pk])}
        return Response(job_json(job, request.user), status=202, headers=headers)
