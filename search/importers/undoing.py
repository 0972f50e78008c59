"""Removing what an import created, in batches: after a kill it goes on with what is still there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from search.services.documents import documents_delete
from search.services.undoing import undoable_documents

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from search.models import Document
    from workers.jobs.context import JobContext

BATCH_DOCUMENTS = 500


def remove_imported(ctx: JobContext) -> None:
    """Remove the documents that the import named by the job's parameters created, unless somebody changed them."""
    removed = int(ctx.result.get("removed", 0))
    documents = undoable_documents(UUID(ctx.params["import"]))
    ctx.stage("remove documents", removed + documents.count(), done=removed)
    while documents.exists():
        with transaction.atomic():
            count = documents_delete(documents=_locked(documents))
            removed += count
            ctx.advance(count)
            ctx.remember(removed=removed)
        ctx.checkpoint()


def _locked(documents: QuerySet[Document]) -> list[int]:
    """Return the next ids, locked: whoever is changing one of them at this moment keeps it."""
    rows = documents.order_by("pk").select_for_update()
    return list(rows.values_list("pk", flat=True)[:BATCH_DOCUMENTS])
