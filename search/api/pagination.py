"""Pages of a list: `limit` rows, then the `next` link; keyset cursors, so that page 1,000 costs what page 1 does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.response import Response

from search.api.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from rest_framework.request import Request

LIMIT_DEFAULT = 20
LIMIT_MAX = 100


class Pages(CursorPagination):
    """Cursor pages; a cursor that was not made here is `parameter.invalid`."""

    def __init__(self, ordering: str, limit: int) -> None:
        self.ordering = ordering
        self.page_size = limit

    def get_page_size(self, request: Request) -> int:
        """Return the limit, already checked with the other parameters."""
        assert self.page_size is not None  # noqa: S101  (narrows the type; set in __init__)
        return self.page_size

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        """Return the one ordering of this list."""
        return (str(self.ordering),)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the cursor; raises AppError `parameter.invalid`."""
        try:
            return super().decode_cursor(request)
        except NotFound as failure:
            raise invalid("cursor", "This cursor was not made by this list.") from failure


def page_of(
    request: Request, rows: QuerySet[Any], present: Callable[[Any], Any], *, ordering: str, limit: int
) -> Response:
    """Return `{"results": […], "next": link or null, "previous": link or null}` for the page that is asked for."""
    pages = Pages(ordering, limit)
    try:
        found = pages.paginate_queryset(rows, request)
    except (ValueError, ValidationError) as failure:  # a cursor whose position is of another type
        raise invalid("cursor", "This cursor was not made by this list.") from failure
    return Response(
        {
            "results": [present(row) for row in found or []],
            "next": pages.get_next_link(),
            "previous": pages.get_previous_link(),
        }
    )
