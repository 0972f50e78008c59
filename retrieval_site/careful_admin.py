"""Lists of the admin that no address can make fail, and that take no longer for a million rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.postgres.fields import ArrayField
from django.db.models import Index, Model
from django.utils.translation import gettext

from retrieval_site.database.counting import BoundedPaginator, is_large

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

_Row = TypeVar("_Row", bound=Model)


class BoundedChangeList(ChangeList):
    """A list that, of a large table, is sorted by an index and has no way by date and no counts beside its filters.

    Each of these would read all rows.
    """

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        if is_large(self.model):
            self.date_hierarchy = None
            self.add_facets = self.is_facets_optional = False

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return what a column is sorted by, None for one that is not offered."""
        is_offered = self.sortable_by is None or field_name in self.sortable_by
        return super().get_ordering_field(field_name) if is_offered else None


class CarefulAdmin(admin.ModelAdmin[_Row], Generic[_Row]):
    """Lists that no address can make fail, and that take no longer for a million rows.

    Long lists are counted about (`retrieval_site.database.counting`), and their first 20,000 rows shown page by page.
    """

    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the class of the list."""
        return BoundedChangeList

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[_Row], per_page: int, *args: Any, **kwargs: Any
    ) -> BoundedPaginator:
        """Return the list's pages; estimates, which draw on all rows, are for superusers."""
        return BoundedPaginator(queryset, per_page, *args, estimated=request.user.is_superuser)

    def get_sortable_by(self, request: HttpRequest) -> list[Any]:
        """Return the columns to sort by: of a large table, those that an index sorts."""
        columns = super().get_sortable_by(request)
        if not is_large(self.model):
            return [*columns]
        indexed = _indexed(self.model)
        return [column for column in columns if self._sorted_by(column).lstrip("-") in indexed]

    def _sorted_by(self, column: Any) -> str:
        shown = getattr(self, str(column), None)
        return str(getattr(shown, "admin_order_field", column))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list; where rows are counted about, what is chosen of all pages has no number."""
        answer = super().changelist_view(request, extra_context)
        context = getattr(answer, "context_data", None) or {}
        if "cl" in context and context["cl"].paginator.is_cut:
            context["selection_note_all"] = gettext("All that match are selected, on further pages too")
        return answer

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse to filter by lists in the address: what is no list there is an error of the database."""
        field = lookup.partition("__")[0]
        lists = {one.name for one in self.opts.get_fields() if isinstance(one, ArrayField)}
        return field not in lists and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]


def _indexed(model: type[Model]) -> set[str]:
    """Return the fields by which an index over all rows sorts them."""
    own = {
        field.name
        for field in model._meta.concrete_fields
        if field.unique or getattr(field, "db_index", False)
    }
    first = {
        index.fields[0].lstrip("-")
        for index in model._meta.indexes
        if index.fields and index.condition is None and type(index) is Index
    }
    related = {field.name for field in model._meta.concrete_fields if field.is_relation}
    return (own | first) - related


class ReadOnly:
    """Rows of the admin that nobody adds, changes or deletes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse to add."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse to change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse to delete."""
        return False
