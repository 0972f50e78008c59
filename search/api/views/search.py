"""Searching and embedding: the hot path, so nothing here is done twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers
from rest_framework.response import Response

from search import retrieval
from search.api.access import usable_version
from search.api.answers import EmbeddingAnswer, SearchResultAnswer
from search.api.authentication import enforce_csrf_for_session
from search.api.base import ApiView, describe
from search.api.bodies import ONE_PICTURE
from search.api.errors import invalid
from search.api.parameters import (
    JsonObjectField,
    Parameters,
    ShortListField,
    UploadField,
    VectorField,
    not_supported,
    refuse_unknown,
    validated,
)
from search.api.presenting import search_json
from search.retrieval.types import LIMIT_DEFAULT, LIMIT_MAX, SearchRequest
from search.services.queries import query_delete
from search.services.uploads import read_picture
from search.sessions import session_of
from workers.query import encode_picture, encode_text

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from models_admin.models import ModelVersion
    from workers.wire import Encoded

TEXT_MAX = 2000
CURSOR_MAX = 1000
PARTS = ("image", "text", "document", "embedding")
NOT_BUILT_YET = ("image_url", "negative_text", "explain")
MODES_NOT_BUILT_YET = ("lexical", "hybrid")


class FiltersField(JsonObjectField):
    """`{"tags": [...], "metadata": {key: value}}`; a document must have all of them."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the filters; refuses other keys and shapes."""
        filters = super().to_internal_value(data)
        refuse_unknown((f"filters.{key}" for key in filters), ("filters.tags", "filters.metadata"))
        tags = filters.get("tags", [])
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise invalid("filters", "“tags” is a list of strings.")
        if not isinstance(filters.get("metadata", {}), dict):
            raise invalid("filters", "“metadata” is an object.")
        return filters


class SearchParameters(Parameters):
    """A search: exactly one of image, text, document and embedding; or the `next` of an earlier answer."""

    not_built_yet = NOT_BUILT_YET

    image = UploadField(required=False, allow_empty_file=True, help_text="a file of a multipart form")
    text = serializers.CharField(required=False, max_length=TEXT_MAX)
    document = serializers.IntegerField(required=False, min_value=1, help_text="more like this")
    embedding = VectorField(required=False, help_text="with `model` as name@version")
    model = serializers.CharField(default="champion", max_length=120, help_text="alias or name@version")
    collections = ShortListField(
        child=serializers.SlugField(max_length=80), default=list, max_length=100, help_text="default: all"
    )
    filters = FiltersField(default=dict)
    target = serializers.ChoiceField(choices=["passages", "images"], default="passages")
    mode = serializers.ChoiceField(choices=["dense"], default="dense")
    limit = serializers.IntegerField(default=LIMIT_DEFAULT, min_value=1, max_value=LIMIT_MAX)
    next = serializers.CharField(
        required=False, max_length=CURSOR_MAX, help_text="`next` of the answer before; enough alone"
    )

    def to_internal_value(self, data: Any) -> Any:
        """Tell a mode that is planned from one that is wrong."""
        if hasattr(data, "get") and data.get("mode") in MODES_NOT_BUILT_YET:
            raise not_supported(["mode"])
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse no part, several parts, and a vector that does not say whose it is."""
        if "next" not in attrs:
            one_part(attrs, PARTS)
        if "embedding" in attrs and "@" not in attrs["model"]:
            raise invalid("model", "An embedding needs its model as name@version.")
        return attrs


class KeptParameters(Parameters):
    """Which page of a kept answer."""

    limit = serializers.IntegerField(default=LIMIT_DEFAULT, min_value=1, max_value=LIMIT_MAX)
    next = serializers.CharField(required=False, max_length=CURSOR_MAX)


class EmbeddingParameters(Parameters):
    """What to embed: exactly one of image and text."""

    image = UploadField(required=False, allow_empty_file=True, help_text="a file of a multipart form")
    text = serializers.CharField(required=False, max_length=TEXT_MAX)
    model = serializers.CharField(default="champion", max_length=120, help_text="alias or name@version")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none and both."""
        one_part(attrs, ("image", "text"))
        return attrs


def one_part(given: dict[str, Any], parts: tuple[str, ...]) -> None:
    """Raise `parameter.invalid` for none of `parts`, `parameter.not_supported` for several at once."""
    present = [part for part in parts if part in given]
    if not present:
        raise invalid("request", f"Send one of {', '.join(parts)}.")
    if len(present) > 1:
        raise not_supported(present)


class SearchView(ApiView):
    """The search."""

    takes_files = True
    body_rule = ONE_PICTURE
    read_methods = ("POST",)

    @describe(
        "search",
        {200: SearchResultAnswer},
        request={"multipart/form-data": SearchParameters, "application/json": SearchParameters},
    )
    def post(self, request: Request) -> Response:
        """Find the documents that a picture, a text, a document or a vector is about."""
        values = validated(SearchParameters, request.data)
        return Response(search_json(retrieval.search(_search_request(request, values))))


class KeptSearchView(ApiView):
    """A search that was made."""

    query_parameters = {"GET": KeptParameters}
    anonymous_methods = ("DELETE",)

    @describe("search_get", {200: SearchResultAnswer}, parameters=[KeptParameters])
    def get(self, request: Request, query_id: UUID) -> Response:
        """Return a kept answer again: what you may see of it now. Nothing is encoded."""
        answer = retrieval.reopen(query_id, request.user, self.query["limit"], self.query.get("next"))
        return Response(search_json(answer))

    @describe("search_delete", {204: None})
    def delete(self, request: Request, query_id: UUID) -> Response:
        """Delete a search of your own with its photo, and everybody's judgements of it."""
        session = session_of(request)
        if session:
            enforce_csrf_for_session(request)
        query_delete(query_id=query_id, viewer=request.user, session=session)
        return Response(status=204)


class EmbeddingView(ApiView):
    """The encoders themselves."""

    takes_files = True
    body_rule = ONE_PICTURE
    read_methods = ("POST",)

    @describe(
        "embeddings",
        {200: EmbeddingAnswer},
        request={"multipart/form-data": EmbeddingParameters, "application/json": EmbeddingParameters},
    )
    def post(self, request: Request) -> Response:
        """Return the vector of a picture or a text in a model's joint space."""
        values = validated(EmbeddingParameters, request.data)
        version = usable_version(request, values["model"])
        encoded = _encoded(version, values)
        numbers = encoded.vector.tolist()
        about = {"dim": len(numbers), "model": version.key, "warnings": list(encoded.warnings)}
        return Response({"embedding": numbers, **about})


def _encoded(version: ModelVersion, values: dict[str, Any]) -> Encoded:
    if "image" in values:
        return encode_picture(version, read_picture(values["image"]))
    return encode_text(version, values["text"])


def _search_request(request: Request, values: dict[str, Any]) -> SearchRequest:
    return SearchRequest(
        viewer=request.user,
        session=session_of(request),
        image=read_picture(values["image"]) if "image" in values else None,
        text=values.get("text"),
        document=values.get("document"),
        embedding=values.get("embedding"),
        collections=tuple(values["collections"]),
        filters=values["filters"],
        target=values["target"],
        limit=values["limit"],
        cursor=values.get("next"),
        model=values["model"],
    )
