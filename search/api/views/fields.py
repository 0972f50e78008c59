"""Fields of documents and their values: what filters, facets and sorting can name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework import serializers
from rest_framework.response import Response

from search.api.answers import FacetAnswer, FieldsAnswer
from search.api.base import ApiView, describe
from search.api.filtering import FieldNameField
from search.api.parameters import CollectionsField, Parameters
from search.api.presenting import facet_json
from search.filters.values import NAME_MAX
from search.retrieval.facets import TYPED_MAX, VALUES_MAX, FacetScope, facet_values, fields_of

if TYPE_CHECKING:
    from rest_framework.request import Request


_SAID = ("name", "type", "documents", "distinct_values")


class FieldsParameters(Parameters):
    """Whose fields."""

    collections = CollectionsField()


class FieldValuesParameters(FieldsParameters):
    """Which values of which field."""

    field = FieldNameField(max_length=NAME_MAX)
    q = serializers.CharField(
        default="", allow_blank=True, max_length=TYPED_MAX, help_text="what the values contain"
    )
    limit = serializers.IntegerField(default=20, min_value=1, max_value=VALUES_MAX)


class FieldListView(ApiView):
    """The fields of collections."""

    query_parameters = {"GET": FieldsParameters}

    @describe("fields_list", {200: FieldsAnswer}, parameters=[FieldsParameters])
    def get(self, request: Request) -> Response:
        """List the fields of the collections that you may see, those of the most documents first."""
        found = fields_of(request.user, self.query["collections"])
        return Response({"results": [{name: getattr(field, name) for name in _SAID} for field in found]})


class FieldValuesView(ApiView):
    """The values of a field, as somebody types."""

    query_parameters = {"GET": FieldValuesParameters}

    @describe("fields_values", {200: FacetAnswer}, parameters=[FieldValuesParameters])
    def get(self, request: Request) -> Response:
        """Return the values of a field that contain `q`, those that begin with it first."""
        scope = FacetScope(request.user, tuple(self.query["collections"]))
        found = facet_values(scope, self.query["field"], self.query["q"], self.query["limit"])
        return Response(facet_json(found))
