"""The jobs of curators' changes: one that goes through many documents, and the daily one that empties the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from search.curating.changes import Kind, change_batch, change_end
from search.curating.trash import trash_end, trash_to_end
from search.models import ChangedDocument, ChangeSet
from search.services.history import blobs_to_end

if TYPE_CHECKING:
    from search.job_types import CurateParameters, CurateResult, EmptyTrashResult
    from workers.jobs.context import JobRun
    from workers.jobs.types import JobParameters


def run_changes(run: JobRun[CurateParameters, CurateResult]) -> None:
    """Change the documents that still wait, batch by batch. Raises AppError `curating.gone`."""
    change_set = ChangeSet.objects.select_related("by", "undoes").filter(pk=run.parameters.change_set).first()
    if change_set is None:
        raise AppError("curating.gone")
    total = change_set.changes.count()
    waiting = change_set.changes.filter(state=Kind.WAITING).count()
    run.stage("change documents", total, done=total - waiting)
    try:
        while batch := change_batch(change_set):
            run.advance(len(batch))
            run.checkpoint()
    finally:
        change_end(change_set)  # what was changed before an end must be found too
    _remember(run, change_set)


def _remember(run: JobRun[CurateParameters, CurateResult], change_set: ChangeSet) -> None:
    rows = ChangedDocument.objects.filter(change_set=change_set)
    run.remember(changed=rows.filter(state=Kind.DONE).count(), left=rows.filter(state=Kind.LEFT).count())


def run_empty_trash(run: JobRun[JobParameters, EmptyTrashResult]) -> None:
    """Delete for good what has been in the trash for its time, and let go of pictures that changes kept so long."""
    rows = trash_to_end()
    run.stage("empty the trash", rows.count())

    def after_each(removed: int) -> None:
        run.remember(removed=removed)
        run.checkpoint()

    run.remember(removed=trash_end(rows, after_each))
    blobs_to_end().delete()
