"""Documents: reading them, and keeping them in step with where they come from."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from rest_framework import serializers
from rest_framework.response import Response

from retrieval_site.errors import AppError
from search.api.access import curated_collection, curated_document, visible_document
from search.api.answers import DocumentAnswer, DocumentBriefAnswer
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.bodies import DOCUMENT
from search.api.etags import ETAG, IF_MATCH, IF_NONE_MATCH, check_match, etag_of, unchanged_since
from search.api.examples import NEW_DOCUMENT
from search.api.parameters import (
    JsonObjectField,
    Parameters,
    ShortListField,
    TrueOrFalseField,
    UploadField,
    validated,
)
from search.api.permissions import signed_in
from search.api.presenting import document_brief_json, document_json
from search.curating.editing import document_edit, document_erase, document_trash
from search.models import Document
from search.services.document_fields import (
    IMAGES_MAX,
    LENGTHS_MAX,
    TAGS_MAX,
    DocumentFields,
    ImageInput,
)
from search.services.document_pictures import document_images
from search.services.uploads import read_picture
from search.services.versions import document_held

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.core.files.uploadedfile import UploadedFile
    from rest_framework.request import Request

    from search.models import Collection

FIELDS = ("title", "body", "url", "tags", "metadata")


DOCUMENT_IDS = {
    "external_id.blank": "document.external_id_missing",
    "tags.max_length": "document.too_many_tags",
    "images.max_length": "document.too_many_images",
    "images[].empty": "image.empty",
    "metadata.too_large": "document.metadata_too_large",
    "metadata.too_deep": "document.metadata_too_deep",
    "metadata.not_finite": "document.metadata_not_storable",
    "metadata.not_text": "document.not_text",
} | {
    f"{field}.{code}": error_id
    for field in ("title", "body", "url", "tags[]", "external_id")
    for code, error_id in {
        "max_length": "document.field_too_long",
        "null_characters_not_allowed": "document.not_text",
        "surrogate_characters_not_allowed": "document.not_text",
    }.items()
}


class DocumentChange(Parameters):
    """What a document says; as JSON."""

    error_ids = DOCUMENT_IDS

    title = serializers.CharField(max_length=LENGTHS_MAX["title"], allow_blank=True, default="")
    body = serializers.CharField(allow_blank=True, default="", trim_whitespace=False)
    url = serializers.CharField(max_length=LENGTHS_MAX["url"], allow_blank=True, default="")
    tags = ShortListField(
        child=serializers.CharField(max_length=LENGTHS_MAX["tag"]), max_length=TAGS_MAX, default=list
    )
    metadata = JsonObjectField(default=dict)


class DocumentNew(DocumentChange):
    """A document by its name in the system that it comes from; as JSON."""

    collection = serializers.SlugField(max_length=80)
    external_id = serializers.CharField(max_length=LENGTHS_MAX["external_id"])


class DocumentChangeForm(DocumentChange):
    """What a document says, as a form. The pictures replace the ones there were; without any these stay."""

    images = ShortListField(child=UploadField(), max_length=IMAGES_MAX, required=False)


class DocumentNewForm(DocumentNew, DocumentChangeForm):
    """A document by its name in the system that it comes from, as a form with its pictures."""


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

    @describe(
        "documents_save",
        {200: DocumentAnswer, 201: DocumentAnswer},
        request={"application/json": DocumentNew, "multipart/form-data": DocumentNewForm},
        examples=[NEW_DOCUMENT],
        parameters=[IF_MATCH, IF_NONE_MATCH, ETAG],
    )
    def post(self, request: Request) -> Response:
        """Save a document by collection and external id: 201 where it is new, 200 where it replaced one.

        Sending the same again changes nothing.
        """
        values = validated(DocumentNewForm, request.data)
        collection = curated_collection(request, values["collection"])
        images = _images(values.get("images"), collection)
        with document_held(collection=collection, external_id=values["external_id"]) as stored:
            check_match(request, stored)
            saved = _save(request, collection, values["external_id"], values, images)
        return _shown(saved, 201 if stored is None else 200)


class DocumentDeleteParameters(Parameters):
    """Where a document goes."""

    permanently = TrueOrFalseField(default=False, help_text="delete it for good, with nothing to put back")


class DocumentView(ApiView):
    """One document."""

    query_parameters = {"DELETE": DocumentDeleteParameters}
    takes_files = True
    body_rule = DOCUMENT

    @describe(
        "documents_get",
        {200: DocumentAnswer, 304: None},
        parameters=[IF_NONE_MATCH, ETAG],
    )
    def get(self, request: Request, document_id: int) -> Response:
        """Show a document."""
        document = visible_document(request, document_id)
        if unchanged_since(request, document):
            return Response(status=304, headers={"ETag": etag_of(document)})
        return _shown(document)

    @describe(
        "documents_update",
        {200: DocumentAnswer},
        request={"application/json": DocumentChange, "multipart/form-data": DocumentChangeForm},
        parameters=[IF_MATCH, ETAG],
    )
    def patch(self, request: Request, document_id: int) -> Response:
        """Change what is sent, keep the rest (curators)."""
        document = curated_document(request, document_id)
        values = validated(DocumentChangeForm, request.data, partial=True)
        images = _images(values.get("images"), document.collection)
        with _held(request, document) as stored:
            fields = {name: getattr(stored, name) for name in FIELDS} | values
            saved = _save(request, document.collection, document.external_id, fields, images)
        return _shown(saved)

    @describe("documents_delete", {204: None}, parameters=[DocumentDeleteParameters, IF_MATCH])
    def delete(self, request: Request, document_id: int) -> Response:
        """Move a document to the trash, or delete it for good, with its vectors and judgements (curators)."""
        remove = document_erase if self.query["permanently"] else document_trash
        with _held(request, curated_document(request, document_id)) as stored:
            remove(document=stored, by=signed_in(request))
        return Response(status=204)


def _wanted(query: dict[str, Any]) -> dict[str, Any]:
    lookups = {"collection": "collection__slug", "external_id": "external_id"}
    wanted = {lookup: query[name] for name, lookup in lookups.items() if name in query}
    return wanted | ({"tags__contains": [query["tag"]]} if "tag" in query else {})


@contextmanager
def _held(request: Request, document: Document) -> Iterator[Document]:
    """Hold the document as it is now for a change, and check that it is the version that the request is about."""
    with document_held(collection=document.collection, external_id=document.external_id) as stored:
        check_match(request, stored)
        if stored is None:
            raise AppError("document.not_found")
        yield stored


def _save(
    request: Request,
    collection: Collection,
    external_id: str,
    values: dict[str, Any],
    images: list[ImageInput] | None,
) -> Document:
    fields = DocumentFields(**{name: values[name] for name in FIELDS} | {"tags": tuple(values["tags"])})
    document = document_edit(
        collection=collection,
        external_id=external_id,
        fields=fields,
        images=images,
        by=signed_in(request),
    )
    return visible_document(request, document.pk)


def _images(uploads: Iterable[UploadedFile[bytes]] | None, collection: Collection) -> list[ImageInput] | None:
    """Return the stored pictures, None where none were sent; before anything is locked, since it takes long."""
    if uploads is None:
        return None
    return document_images([partial(read_picture, upload) for upload in uploads], collection)


def _shown(document: Document, status: int = 200) -> Response:
    return Response(document_json(document), status=status, headers={"ETag": etag_of(document)})
