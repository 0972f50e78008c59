"""Who may do what in the admin: superusers everything, staff the collections that they curate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from retrieval_site.careful_admin import CarefulAdmin
from search.models import Collection

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest


class CuratedAdmin(CarefulAdmin[Any]):
    """Rows of collections that the user curates; `collection_path` leads from a row to its collection."""

    collection_path = "collection"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Show no row of a collection that the user does not curate."""
        rows = super().get_queryset(request)
        if _is_superuser(request):
            return rows
        return rows.filter(**{f"{self.collection_path}__in": Collection.objects.curated_by(request.user)})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return curates_something(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return curates_something(request)

    def _may(self, request: HttpRequest, obj: Model | None) -> bool:
        if obj is None or obj.pk is None:
            return curates_something(request)
        return self.get_queryset(request).filter(pk=obj.pk).exists()


class CuratedCollectionFilter(admin.RelatedFieldListFilter):
    """Offers the collections that the user curates: the names of others are none of their business."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the choices, as (id, name)."""
        return list(Collection.objects.curated_by(request.user).order_by("name").values_list("pk", "name"))


class SuperuserOnlyAdmin(CarefulAdmin[Any]):
    """Rows that only superusers look at, whatever permissions a group was given."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def is_staff(request: HttpRequest) -> bool:
    """Return whether the user may enter the admin at all."""
    return bool(request.user.is_active and request.user.is_staff)


def curates_something(request: HttpRequest) -> bool:
    """Return whether there is a collection that the user may change in the admin."""
    if not is_staff(request):
        return False
    return _is_superuser(request) or bool(Collection.objects.curated_by(request.user).exists())
