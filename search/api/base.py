"""What every endpoint has in common: known parameters only, its caller, and whether callers are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser, FormParser, MultiPartParser
from rest_framework.views import APIView

from retrieval_site.bodies import SMALL, BodyRule
from retrieval_site.database.reading import read
from search.api.pagination import LIMIT_DEFAULT, LIMIT_MAX, page_of
from search.api.parameters import NoParameters, Parameters, validated
from search.api.parsers import BoundedJSONParser, check_charset
from search.throttling import REQUEST
from workers.error_table import errors_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.response import Response
    from rest_framework.throttling import BaseThrottle

Handler = TypeVar("Handler", bound="Callable[..., Any]")


# Beside two kinds of body, openapi-python-client 0.29 needs an optional parameter: without one its code does not run.
REQUEST_ID = OpenApiParameter(
    "X-Request-ID",
    str,
    OpenApiParameter.HEADER,
    description="1 to 64 letters, digits, dots, underscores and hyphens, for the log; else the server makes one",
)


class ErrorBody(serializers.Serializer[Any]):
    """The inside of the one error shape."""

    id = serializers.CharField(help_text="stable; docs/api.md lists them")
    message = serializers.CharField(help_text="a sentence for a person")
    detail = serializers.DictField(help_text="facts for programs, by error")


class ErrorAnswer(serializers.Serializer[Any]):
    """The one error shape."""

    error = ErrorBody()


class PageParameters(Parameters):
    """What every list takes."""

    error_ids = {"cursor": "cursor.invalid"}

    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=LIMIT_DEFAULT)
    cursor = serializers.CharField(required=False, max_length=500, help_text="from `next` or `previous`")


class ApiView(APIView):
    """An endpoint of API v1.

    `query_parameters` names the serializer of a method's query string (none: no parameter is known).
    `read_methods` are unsafe methods that only look; `anonymous_methods` are open to people who are not signed in;
    `members_only` closes even reading to them; `in_session` opens it to those of them who have a session.
    `for_guests` leaves reading open to guests of links where nobody else without an account may.
    `takes_files` opens it to multipart forms: elsewhere nobody can make the server write a file to its disk.
    `body_rule` says how long a body may be, and who may send one; `throttle_cost`, for how many requests one counts.
    """

    query_parameters: ClassVar[Mapping[str, type[Parameters]]] = {}
    read_methods: ClassVar[tuple[str, ...]] = ()
    anonymous_methods: ClassVar[tuple[str, ...]] = ()
    members_only: ClassVar[bool] = False
    in_session: ClassVar[bool] = False
    for_guests: ClassVar[bool] = True
    takes_files: ClassVar[bool] = False
    body_rule: ClassVar[BodyRule] = SMALL
    throttle_cost: ClassVar[float] = REQUEST
    query: dict[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check who asks first, then the query string; leaves its values in `self.query`."""
        super().initial(request, *args, **kwargs)
        check_charset(request.META.get("CONTENT_TYPE", ""))
        if request.method not in self.allowed_methods and request.method != "HEAD":
            return  # 405, whatever the query string says
        method = "GET" if request.method == "HEAD" else str(request.method)
        reader = self.query_parameters.get(method, NoParameters)
        given = request.query_params
        self.query = {} if reader is NoParameters and not given else validated(reader, given)

    def get_parsers(self) -> list[BaseParser]:
        """Return parsers of JSON and of forms, of those with files only where they are taken."""
        parsers: list[BaseParser] = [BoundedJSONParser(self.body_rule.text_bytes), FormParser()]
        return [MultiPartParser(), *parsers] if self.takes_files else parsers

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Keep answers, which depend on who asks, out of every cache."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final["Cache-Control"] = "no-store"
        return final

    def get_throttles(self) -> list[BaseThrottle]:
        """Return none where the operator lifted throttling."""
        return super().get_throttles() if settings.CONFIG.throttle else []

    def page(self, rows: QuerySet[Any], present: Callable[[Any], Any], ordering: str = "id") -> Response:
        """Return the page of `rows` that the query string asks for."""
        return read(
            lambda: page_of(self.request, rows, present, ordering=ordering, limit=self.query["limit"])
        )


def page_answer(row: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """Return the schema of a page of rows; a class, for an instance keeps the fields that it was first asked for."""
    fields = {
        "results": row(many=True),
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
    }
    return type(f"{row.__name__.removesuffix('Answer')}Page", (serializers.Serializer,), fields)


REFUSALS = {
    400: "a parameter or the body cannot be used",
    401: "no token or session, or a wrong one",
    403: "not allowed",
    404: "not there, or not for you",
    406: "the answer is wanted in a format that there is not",
    408: "the request did not come in time",
    409: "not in this state",
    412: "another version than the one that was read",
    413: "too large",
    415: "of a type that is not read here",
    422: "understood, and cannot be done",
    423: "in use just now",
    429: "too often; `Retry-After` says for how long",
    431: "too many headers",
    460: "changed on its way",
    500: "a fault of the server",
    503: "not now; try again",
}


def describe(operation_id: str, answers: Mapping[Any, Any], **more: Any) -> Callable[[Handler], Handler]:
    """Return `extend_schema` with the docstring's first line as summary, and every refusal of the table of errors.

    A request's serializer alone means JSON.
    """
    request = more.get("request")
    if isinstance(request, type) and issubclass(request, serializers.BaseSerializer):
        more["request"] = {"application/json": request}
    refusals = {
        status: OpenApiResponse(ErrorAnswer, description=f"{REFUSALS[status]}: {', '.join(ids)}")
        for status, ids in sorted(_refusals(operation_id).items())
    }

    def described(handler: Handler) -> Handler:
        summary, _, rest = (handler.__doc__ or "").partition("\n")
        schema = extend_schema(
            operation_id=operation_id,
            responses={**answers, **refusals},
            summary=summary.rstrip("."),
            description=" ".join(rest.split()) or summary,
            **more,
        )
        extended: Handler = schema(handler)
        return extended

    return described


def _refusals(operation_id: str) -> dict[int, list[str]]:
    """Return the ids that the operation can answer with, by status."""
    found: dict[int, list[str]] = {}
    for error_id, kind in errors_of(operation_id).items():
        found.setdefault(kind.status, []).append(f"`{error_id}`")
    return found
