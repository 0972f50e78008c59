"""Where a search may look, by what the viewer may see now and by what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrieval_site.errors import AppError
from search.filters.registry import filters_set
from search.models import Collection
from search.retrieval.types import Scope, Target
from search.units.registry import unit_kind_of
from search.vectors.tables import VectorTable, tables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models_admin.models import ModelVersion
    from search.querysets import Viewer


def scope_for(
    version: ModelVersion,
    viewer: Viewer,
    target: Target,
    collections: Sequence[str] = (),
    filters: dict[str, Any] | None = None,
) -> Scope:
    """Return where somebody may look under a version, by the names of `SearchRequest`.

    Raises AppError `collection.not_found`, `target.not_supported`.
    """
    visible = visible_collections(viewer, collections)
    return make_scope(table_for(version, target), visible, filters or {})


def visible_collections(viewer: Viewer, slugs: Sequence[str] = ()) -> tuple[int, ...]:
    """Return ids of the collections to search; AppError `collection.not_found` for a slug that is not visible."""
    visible = Collection.objects.visible_to(viewer).order_by()
    if not slugs:
        return tuple(sorted(visible.values_list("pk", flat=True)))
    found = dict(visible.filter(slug__in=slugs).values_list("slug", "pk"))
    unknown = sorted(set(slugs) - set(found))
    if unknown:
        raise AppError("collection.not_found/named", collections=unknown)
    return tuple(sorted(found.values()))


def visible_slugs(viewer: Viewer, slugs: Sequence[str]) -> tuple[str, ...]:
    """Return those of a kept search's collections that may be named to the viewer, in the order of their names."""
    if not slugs:
        return ()
    visible = Collection.objects.visible_to(viewer).filter(slug__in=slugs)
    return tuple(sorted(visible.order_by().values_list("slug", flat=True)))


def table_for(version: ModelVersion, target: Target) -> VectorTable:
    """Return the vector table of a target; AppError `target.not_supported` where the version has none."""
    table = VectorTable(version.pk, unit_kind_of(target).name)
    if table not in tables_of(version):
        raise AppError("target.not_supported", model=version.key, target=target)
    return table


def make_scope(table: VectorTable, collections: tuple[int, ...], filters: dict[str, Any]) -> Scope:
    """Return the scope of a search with its filters as they were asked."""
    return Scope(table, collections, filters_set(filters))
