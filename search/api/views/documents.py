"""Documents: reading them, and keeping them in step with where they come from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from rest_framework import serializers
from rest_framework.response import Response

from search.api.access import curated_collection, curated_document, visible_document
from search.api.answers import DocumentAnswer, DocumentBriefAnswer
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.bodies import DOCUMENT
from search.api.parameters import JsonObjectField, Parameters, ShortListField, UploadField, validated
from search.api.permissions import signed_in
from search.api.presenting import document_brief_json, document_json
from search.models import Document
from search.services.document_fields import (
    IMAGES_MAX,
    LENGTHS_MAX,
    TAGS_MAX,
    DocumentFields,
    ImageInput,
)
from search.services.document_pictures import document_images
from search.services.documents import document_delete, document_save, encode_soon
from search.services.uploads import read_picture

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.files.uploadedfile import UploadedFile
    from rest_framework.request import Request

    from search.models import Collection

FIELDS = ("title", "body", "url", "tags", "metadata")


class DocumentChange(Parameters):
    """What a document says. Pictures are files of a multipart form and replace the ones there were."""

    title = serializers.CharField(max_length=LENGTHS_MAX["title"], allow_blank=True, default="")
    body = serializers.CharField(allow_blank=True, default="", trim_whitespace=False)
    url = serializers.CharField(max_length=LENGTHS_MAX["url"], allow_blank=True, default="")
    tags = ShortListField(
        child=serializers.CharField(max_length=LENGTHS_MAX["tag"]), max_length=TAGS_MAX, default=list
    )
    metadata = JsonObjectField(default=dict)
    images = ShortListField(child=UploadField(allow_empty_file=True), max_length=IMAGES_MAX, required=False)


class DocumentNew(DocumentChange):
    """A document by its name in the system that it comes from."""

    collection = serializers.SlugField(max_length=80)
    external_id = serializers.CharField(max_length=LENGTHS_MAX["external_id"])


class DocumentListParameters(PageParameters):
    """Which documents."""

    collection = serializers.SlugField(required=False, max_length=80)
    external_id = serializers.CharField(required=False, max_length=LENGTHS_MAX["external_id"])
    tag = serializers.CharField(required=False, max_length=LENGTHS_MAX["tag"])


class DocumentListView(ApiView):
    """All documents that the caller may see."""

    takes_files = True
    body_rule = DOCUMENT
    query_parameters = {"GET": DocumentListParameters}

    @describe("documents_list", {200: page_answer(DocumentBriefAnswer)}, parameters=[DocumentListParameters])
    def get(self, request: Request) -> Response:
        """List documents without their bodies."""
        rows = Document.objects.visible_to(request.user).filter(**_wanted(self.query))
        return self.page(rows.select_related("collection").defer("body"), document_brief_json)

    @describe("documents_save", {200: DocumentAnswer, 201: DocumentAnswer}, request=DocumentNew)
    def post(self, request: Request) -> Response:
        """Save a document by collection and external id: 201 where it is new, 200 where it replaced one.

        Sending the same again changes nothing.
        """
        values = validated(DocumentNew, request.data)
        collection = curated_collection(request, values["collection"])
        known = Document.objects.filter(collection=collection, external_id=values["external_id"]).exists()
        document = _save(request, collection, values["external_id"], values)
        return Response(document_json(document), status=200 if known else 201)


class DocumentView(ApiView):
    """One document."""

    takes_files = True
    body_rule = DOCUMENT

    @describe("documents_get", {200: DocumentAnswer})
    def get(self, request: Request, document_id: int) -> Response:
        """Show a document."""
        return Response(document_json(visible_document(request, document_id)))

    @describe("documents_update", {200: DocumentAnswer}, request=DocumentChange)
    def patch(self, request: Request, document_id: int) -> Response:
        """Change what is sent, keep the rest (curators)."""
        document = curated_document(request, document_id)
        values = validated(DocumentChange, request.data, partial=True)
        stored = {name: getattr(document, name) for name in FIELDS}
        saved = _save(request, document.collection, document.external_id, stored | values)
        return Response(document_json(saved))

    @describe("documents_delete", {204: None})
    def delete(self, request: Request, document_id: int) -> Response:
        """Delete a document with its vectors and judgements (curators)."""
        document_delete(document=curated_document(request, document_id))
        return Response(status=204)


def _wanted(query: dict[str, Any]) -> dict[str, Any]:
    lookups = {"collection": "collection__slug", "external_id": "external_id"}
    wanted = {lookup: query[name] for name, lookup in lookups.items() if name in query}
    return wanted | ({"tags__contains": [query["tag"]]} if "tag" in query else {})


def _save(request: Request, collection: Collection, external_id: str, values: dict[str, Any]) -> Document:
    fields = DocumentFields(**{name: values[name] for name in FIELDS} | {"tags": tuple(values["tags"])})
    images = _images(values["images"], collection) if "images" in values else None
    with transaction.atomic():
        document, written = document_save(
            collection=collection, external_id=external_id, fields=fields, images=images
        )
        if written:
            encode_soon(owner=signed_in(request))
    return visible_document(request, document.pk)


def _images(uploads: Iterable[UploadedFile[bytes]], collection: Collection) -> list[ImageInput]:
    return document_images([partial(read_picture, upload) for upload in uploads], collection)
