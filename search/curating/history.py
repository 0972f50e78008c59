"""A collection's changes as its curators read them: each with its numbers of documents, by what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef

from retrieval_site.database.counting import BoundedCount
from retrieval_site.errors import AppError
from search.models import ChangedDocument, ChangeSet, Collection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from search.querysets import Viewer

STATES = ChangedDocument.State


def change_sets(collection: Collection) -> QuerySet[ChangeSet]:
    """Return a collection's changes, newest first, each with its numbers of documents by state.

    They are counted by an index, of those changes alone that are read.
    """
    counts: dict[str, Any] = {f"{state}_count": _count(state) for state in STATES.values}
    rows = ChangeSet.objects.filter(collection=collection).annotate(**counts)
    return rows.select_related("by", "job", "undoes", "undone_by").order_by("-pk")


def change_set_of(collection: Collection, change_set_id: int) -> ChangeSet:
    """Return one of a collection's changes; raises AppError `curating.not_found`."""
    found: ChangeSet | None = change_sets(collection).filter(pk=change_set_id).first()
    if found is None:
        raise AppError("curating.not_found")
    return found


def change_sets_about(collection: Collection, document_id: int) -> QuerySet[ChangeSet]:
    """Return those of a collection's changes that a document was part of."""
    about = ChangedDocument.objects.filter(document_id=document_id).values("change_set")
    return change_sets(collection).filter(pk__in=about)


def slugs_known(ids: Sequence[int], viewer: Viewer) -> dict[int, str]:
    """Return the slugs of those of the collections that somebody may see, by id."""
    return dict(Collection.objects.visible_to(viewer).filter(pk__in=ids).values_list("pk", "slug"))


def _count(state: str) -> BoundedCount:
    return BoundedCount(ChangedDocument.objects.filter(change_set=OuterRef("pk"), state=state))
