"""Searching and embedding: the hot path, so nothing here is done twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers
from rest_framework.response import Response

from models_admin.models import LOADABLE
from retrieval_site.errors import AppError
from search import retrieval
from search.api.access import usable_version
from search.api.answers import EmbeddingAnswer, SearchResultAnswer
from search.api.authentication import enforce_csrf_for_session
from search.api.base import REQUEST_ID, ApiView, describe
from search.api.bodies import ONE_PICTURE
from search.api.examples import BY_WORDS
from search.api.filtering import SORT_MAX, FieldNameField, FiltersField, SortField
from search.api.parameters import (
    CollectionsField,
    Parameters,
    ShortListField,
    UploadField,
    VectorField,
    validated,
)
from search.api.parts import (
    PART_IDS,
    PARTS,
    TEXT_MAX,
    PartsField,
    files_apart,
    one_part,
    part_asked,
    parts_asked,
)
from search.api.photo_text import photo_of_search_read
from search.api.pictures import AddressField, FramingParameters, check_framing, image_part
from search.api.presenting import facet_json, search_json
from search.filters.values import NAME_MAX
from search.retrieval.explain import explain_answer
from search.retrieval.facets import facet_scope, facets
from search.retrieval.sort import RELEVANCE
from search.retrieval.types import (
    LIMIT_DEFAULT,
    LIMIT_MAX,
    MODES,
    SearchRequest,
)
from search.services.queries import query_delete
from search.sessions import session_of
from search.units.passage import PASSAGE
from search.units.registry import unit_kinds
from workers.encoding.client import encode_picture, encode_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.core.files.uploadedfile import UploadedFile
    from rest_framework.request import Request

    from models_admin.models import ModelVersion
    from search.retrieval.types import Part
    from workers.encoding.wire import Encoded

CURSOR_MAX = 1000
FACETS_MAX = 20
BESIDE_NEXT = {"next", "limit", "explain"}
NOT_BUILT_YET = ("negative_text",)


class TargetField(serializers.ChoiceField):
    """The target of a kind of unit."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=[kind.target for kind in unit_kinds()], **options)


class SearchOptions(Parameters):
    """Where to look, and for how much."""

    model = serializers.CharField(default="champion", max_length=120, help_text="alias or name@version")
    collections = CollectionsField()
    filters = FiltersField(default=dict)
    target = TargetField(default=PASSAGE.target)
    mode = serializers.ChoiceField(
        choices=MODES, default="auto", help_text="by meaning, by words, or both; auto: both for words"
    )
    as_written = serializers.BooleanField(default=False, help_text="search for misspelt words as they are")
    sort = SortField(default=RELEVANCE, max_length=SORT_MAX)
    read_text = serializers.BooleanField(
        default=False,
        help_text="wait until the photo's lines and barcodes are read; what they name comes first",
    )
    facets = ShortListField(
        child=FieldNameField(max_length=NAME_MAX),
        default=list,
        max_length=FACETS_MAX,
        help_text="names of fields",
    )
    collapse = serializers.BooleanField(
        default=False, help_text="one document stands for those that are nearly the same"
    )
    explain = serializers.BooleanField(
        default=False, help_text="say why the first ten hits were found: takes longer"
    )
    min_relevance = serializers.FloatField(
        default=None, allow_null=True, min_value=0, max_value=1, help_text="leaves out documents below"
    )
    limit = serializers.IntegerField(default=LIMIT_DEFAULT, min_value=1, max_value=LIMIT_MAX)


class SearchParameters(SearchOptions, FramingParameters):
    """A search: exactly one of image, image_url, text, document and embedding; several as `parts`; or the `next` of an
    earlier answer.
    """

    not_built_yet = NOT_BUILT_YET
    error_ids = PART_IDS | {"embedding": "embedding.invalid", "next": "cursor.invalid"}

    image = UploadField(required=False)
    image_url = AddressField(required=False)
    text = serializers.CharField(required=False, max_length=TEXT_MAX)
    document = serializers.IntegerField(required=False, min_value=1)
    embedding = VectorField(required=False)
    parts = PartsField(required=False)
    next = serializers.CharField(required=False, max_length=CURSOR_MAX)

    def to_internal_value(self, data: Any) -> Any:
        """Refuse beside `next` what the earlier search says: it would be ignored."""
        values = super().to_internal_value(data)
        if "next" in data and (others := sorted(set(data) - BESIDE_NEXT)):
            sentence = "This is not sent with next, which goes on with an earlier search as it was asked."
            raise serializers.ValidationError({name: [sentence] for name in others})
        return values

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse no part, several parts, and a vector that does not say whose it is."""
        if "next" not in attrs:
            one_part(attrs, (*PARTS, "parts"))
        check_framing(attrs)
        asked = attrs.get("parts", (attrs,))
        if attrs["read_text"] and not any({"image", "image_url"} & set(part) for part in asked):
            raise AppError.of_parameter("read_text", "There is no photo to read.")
        if "embedding" in attrs and "@" not in attrs["model"]:
            raise AppError("embedding.model_required")
        return attrs


class SearchByPhoto(SearchOptions, FramingParameters):
    """A search by a picture, as a form."""

    image = UploadField()


class SearchByAddress(SearchOptions, FramingParameters):
    """A search by a picture at an address."""

    image_url = AddressField()


class SearchByText(SearchOptions):
    """A search by words."""

    text = serializers.CharField(max_length=TEXT_MAX)


class SearchByDocument(SearchOptions):
    """More like a document."""

    document = serializers.IntegerField(min_value=1)


class SearchByEmbedding(SearchOptions):
    """A search by a vector of one model."""

    embedding = VectorField()
    model = serializers.CharField(max_length=120, help_text="name@version")


class SearchByParts(SearchOptions):
    """A search by several parts, each with its weight; in a form, which brings pictures' files, its text is JSON."""

    parts = PartsField()


class SearchNextPage(Parameters):
    """The page after an earlier answer's."""

    next = serializers.CharField(max_length=CURSOR_MAX, help_text="`next` of the answer before")
    limit = serializers.IntegerField(default=LIMIT_DEFAULT, min_value=1, max_value=LIMIT_MAX)
    explain = serializers.BooleanField(
        default=False, help_text="say why the first ten hits were found: takes longer"
    )


SEARCH_BODY = PolymorphicProxySerializer(
    "Search",
    [SearchByText, SearchByAddress, SearchByDocument, SearchByEmbedding, SearchByParts, SearchNextPage],
    resource_type_field_name=None,
)


class KeptParameters(Parameters):
    """Which page of a kept answer."""

    error_ids = {"next": "cursor.invalid"}

    limit = serializers.IntegerField(default=LIMIT_DEFAULT, min_value=1, max_value=LIMIT_MAX)
    next = serializers.CharField(required=False, max_length=CURSOR_MAX)
    collapse = serializers.BooleanField(
        default=True, help_text="false: near-duplicates that were collapsed stand by themselves"
    )


class MarksParameters(Parameters):
    """How a search is asked again; what it asks for stays."""

    limit = serializers.IntegerField(default=LIMIT_DEFAULT, min_value=1, max_value=LIMIT_MAX)
    explain = serializers.BooleanField(
        default=False, help_text="say why the first ten hits were found: takes longer"
    )


class EmbeddingOptions(Parameters):
    """Whose vector."""

    model = serializers.CharField(default="champion", max_length=120, help_text="alias or name@version")


class OnePartParameters(FramingParameters):
    """Exactly one of image, image_url and text."""

    error_ids = PART_IDS

    image = UploadField(required=False)
    image_url = AddressField(required=False)
    text = serializers.CharField(required=False, max_length=TEXT_MAX)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none and both."""
        one_part(attrs, ("image", "image_url", "text"))
        check_framing(attrs)
        return attrs


class EmbeddingParameters(EmbeddingOptions, OnePartParameters):
    """What to embed."""


class TextToEmbed(EmbeddingOptions):
    """Words to embed."""

    text = serializers.CharField(max_length=TEXT_MAX)


class AddressToEmbed(EmbeddingOptions, FramingParameters):
    """A picture at an address, to embed."""

    image_url = AddressField()


class PhotoToEmbed(EmbeddingOptions, FramingParameters):
    """A picture to embed, as a form."""

    image = UploadField()


EMBEDDING_BODY = PolymorphicProxySerializer(
    "Embedding", [TextToEmbed, AddressToEmbed], resource_type_field_name=None
)


class SearchView(ApiView):
    """The search."""

    takes_files = True
    body_rule = ONE_PICTURE
    read_methods = ("POST",)

    @describe(
        "search",
        {200: SearchResultAnswer},
        request={"application/json": SEARCH_BODY, "multipart/form-data": SearchByPhoto},
        examples=[BY_WORDS],
        parameters=[REQUEST_ID],
    )
    def post(self, request: Request) -> Response:
        """Find the documents that a picture, a text, a document or a vector is about."""
        data, files = files_apart(request.data)
        values = validated(SearchParameters, data)
        asked = _search_request(request, values, files)
        asked, not_read = photo_of_search_read(asked) if values["read_text"] else (asked, ())
        found = retrieval.search(asked)
        answer = search_json(found, explain_answer(found) if values["explain"] else {})
        answer["warnings"] += not_read
        if names := values["facets"]:
            answer["facets"] = [facet_json(facet) for facet in facets(facet_scope(asked), names)]
        return Response(answer)


class KeptSearchView(ApiView):
    """A search that was made."""

    query_parameters = {"GET": KeptParameters}
    anonymous_methods = ("DELETE",)

    @describe("search_get", {200: SearchResultAnswer}, parameters=[KeptParameters])
    def get(self, request: Request, query_id: UUID) -> Response:
        """Return a kept answer again: what you may see of it now. Nothing is encoded."""
        values = self.query
        page, apart = (values["limit"], values.get("next")), not values["collapse"]
        answer = retrieval.reopen(query_id, request.user, *page, session=session_of(request), apart=apart)
        return Response(search_json(answer))

    @describe("search_delete", {204: None})
    def delete(self, request: Request, query_id: UUID) -> Response:
        """Delete a search of your own with its photo, and everybody's judgements of it."""
        session = session_of(request)
        if not session and not request.user.is_authenticated:
            raise AppError("auth.required/browser")
        if session:
            enforce_csrf_for_session(request)
        query_delete(query_id=query_id, viewer=request.user, session=session)
        return Response(status=204)


class EmbeddingView(ApiView):
    """The encoders themselves."""

    for_guests = False
    takes_files = True
    body_rule = ONE_PICTURE
    read_methods = ("POST",)

    @describe(
        "embeddings",
        {200: EmbeddingAnswer},
        request={"application/json": EMBEDDING_BODY, "multipart/form-data": PhotoToEmbed},
        examples=[BY_WORDS],
        parameters=[REQUEST_ID],
    )
    def post(self, request: Request) -> Response:
        """Return the vector of a picture or a text in a model's joint space."""
        values = validated(EmbeddingParameters, request.data)
        version = _loadable(usable_version(request, values["model"]))
        encoded = _encoded(request, version, values)
        numbers = encoded.vector.tolist()
        about = {"dim": len(numbers), "model": version.key, "warnings": list(encoded.warnings)}
        return Response({"embedding": numbers, **about})


def _loadable(version: ModelVersion) -> ModelVersion:
    """Return the version; raises AppError `model.not_ready` where its bundle did not pass validation."""
    if version.state not in LOADABLE:
        raise AppError("model.not_ready/not_validated", model=version.key, state=str(version.state))
    return version


def _encoded(request: Request, version: ModelVersion, values: dict[str, Any]) -> Encoded:
    if "text" in values:
        return encode_text(version, values["text"])
    part = image_part(request, values)
    return encode_picture(version, part.data, framing=part.picture.framing)


def _search_request(
    request: Request, values: dict[str, Any], files: Mapping[str, UploadedFile[bytes]]
) -> SearchRequest:
    return SearchRequest(
        viewer=request.user,
        session=session_of(request),
        parts=_parts(request, values, files),
        collections=tuple(values["collections"]),
        filters=values["filters"],
        target=values["target"],
        mode=values["mode"],
        as_written=values["as_written"],
        collapse=values["collapse"],
        sort=values["sort"],
        min_relevance=values["min_relevance"],
        limit=values["limit"],
        cursor=values.get("next"),
        model=values["model"],
    )


def _parts(
    request: Request, values: dict[str, Any], files: Mapping[str, UploadedFile[bytes]]
) -> tuple[Part, ...]:
    """Return the parts, or the part in its short form, of which there is one or, beside a cursor, none."""
    if "parts" in values:
        return parts_asked(request, values["parts"], files)
    return (part_asked(request, values),) if any(name in values for name in PARTS) else ()
