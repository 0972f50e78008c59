"""The trash: how long it keeps documents, and its end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from retrieval_site.audit import audit_note
from search.models import TrashedDocument
from search.services.history import history_erase

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

    from search.models import Collection

BATCH = 500


def trash_of(collection: Collection) -> QuerySet[TrashedDocument]:
    """Return what is in a collection's trash, last deleted first, without the rows that are kept of it."""
    rows = TrashedDocument.objects.filter(collection=collection)
    return rows.defer("kept", "linked").select_related("deleted_by")


def trash_to_end() -> QuerySet[TrashedDocument]:
    """Return what has been in the trash for its time; nothing where the trash is never emptied by itself."""
    days = settings.CONFIG.trash_keep_days
    if not days:
        return TrashedDocument.objects.none()
    return TrashedDocument.objects.filter(deleted_at__lt=Now() - timedelta(days=days))


def trash_end(
    rows: QuerySet[TrashedDocument], after_each: Callable[[int], None] = lambda removed: None
) -> int:
    """Delete trashed documents for good, a batch at a time, and return how many; their files are swept later."""
    removed = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        removed += _end(ids)
        after_each(removed)
    return removed


@transaction.atomic
def _end(ids: list[int]) -> int:
    history_erase(ids)
    return TrashedDocument.objects.filter(pk__in=ids).delete()[1].get("search.TrashedDocument", 0)


@transaction.atomic
def trash_empty(*, collection: Collection) -> int:
    """Delete everything in a collection's trash for good, note it in the audit log, and return how many documents
    that were.
    """
    removed = trash_end(TrashedDocument.objects.filter(collection=collection))
    if removed:
        said: dict[str, Any] = {"change": "empty_trash", "documents": removed}
        audit_note("documents.changed", collection, collection=collection.pk, **said)
    return removed
