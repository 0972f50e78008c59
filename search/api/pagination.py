"""Pages of a list: `limit` rows, then the `next` link; keyset cursors, so that page 1,000 costs what page 1 does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from retrieval_site.errors import AppError
from search.cursors import cursor_open, cursor_seal

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from rest_framework.request import Request

LIMIT_DEFAULT = 20
LIMIT_MAX = 100


class Pages(CursorPagination):
    """Cursor pages; a cursor that was not given to this caller by this list is `cursor.invalid`."""

    def __init__(self, ordering: str, limit: int, request: Request) -> None:
        self.ordering = ordering
        self.page_size = limit
        self.asked = request

    def get_page_size(self, request: Request) -> int:
        """Return the limit, already checked with the other parameters."""
        assert self.page_size is not None  # noqa: S101  (narrows the type; set in __init__)
        return self.page_size

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        """Return the one ordering of this list."""
        return (str(self.ordering),)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the cursor; raises AppError `cursor.invalid`."""
        sealed = request.query_params.get(self.cursor_query_param)
        if sealed is None:
            return None
        offset, reverse, position = json.loads(cursor_open(sealed, self._purpose, request.user))
        return Cursor(offset=offset, reverse=reverse, position=position)

    def encode_cursor(self, cursor: Cursor) -> str:
        """Return the link to the cursor's page."""
        content = json.dumps([cursor.offset, cursor.reverse, cursor.position]).encode()
        sealed = cursor_seal(content, self._purpose, self.asked.user)
        return str(replace_query_param(str(self.base_url), self.cursor_query_param, sealed))

    @property
    def _purpose(self) -> str:
        return f"list {self.asked.path}"


def page_of(
    request: Request, rows: QuerySet[Any], present: Callable[[Any], Any], *, ordering: str, limit: int
) -> Response:
    """Return `{"results": […], "next": link or null, "previous": link or null}` for the page that is asked for."""

    def presented(found: list[Any]) -> list[Any]:
        return [present(row) for row in found]

    return page_of_batch(request, rows, presented, ordering=ordering, limit=limit)


def page_of_batch(
    request: Request,
    rows: QuerySet[Any],
    present: Callable[[list[Any]], list[Any]],
    *,
    ordering: str,
    limit: int,
) -> Response:
    """Return `page_of`'s page of rows that are presented together, because they share what they need to know."""
    pages = Pages(ordering, limit, request)
    try:
        found = pages.paginate_queryset(rows, request)
    except (ValueError, ValidationError) as failure:  # a position of a list that is ordered by something else
        raise AppError("cursor.invalid") from failure
    return Response(
        {
            "results": present(found or []),
            "next": pages.get_next_link(),
            "previous": pages.get_previous_link(),
        }
    )
