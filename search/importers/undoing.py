"""Removing what an import created, in batches: after a kill it goes on with what is still there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from search.services.documents import documents_delete
from search.services.history import history_erase
from search.services.undoing import undoable_documents

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from search.job_types import UndoParameters, UndoResult
    from search.models import Document
    from workers.jobs.context import JobRun

BATCH_DOCUMENTS = 500


def remove_imported(run: JobRun[UndoParameters, UndoResult]) -> None:
    """Remove the documents that the import named by the job's parameters created, unless somebody changed them."""
    removed = run.result.removed or 0
    documents = undoable_documents(UUID(run.parameters.import_job))
    run.stage("remove documents", removed + documents.count(), done=removed)
    while documents.exists():
        with transaction.atomic():
            removing = _locked(documents)
            count = documents_delete(documents=removing)
            history_erase(removing)
            removed += count
            run.advance(count)
            run.remember(removed=removed)
        run.checkpoint()


def _locked(documents: QuerySet[Document]) -> list[int]:
    """Return the next ids, locked: whoever is changing one of them at this moment keeps it."""
    rows = documents.order_by("pk").select_for_update()
    return list(rows.values_list("pk", flat=True)[:BATCH_DOCUMENTS])
