"""Lists of the admin that no address can make fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.db.models import Model

if TYPE_CHECKING:
    from django.http import HttpRequest

_Row = TypeVar("_Row", bound=Model)


class CarefulAdmin(admin.ModelAdmin[_Row], Generic[_Row]):
    """Lists that no address can make fail."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse to filter by lists in the address: what is no list there is an error of the database."""
        field = lookup.partition("__")[0]
        lists = {one.name for one in self.opts.get_fields() if isinstance(one, ArrayField)}
        return field not in lists and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]


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
