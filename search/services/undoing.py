"""Taking an import back: the documents that it created are removed, as a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from retrieval_site.errors import AppError
from search.job_types import IMPORT, SOURCE_ROUND, UNDO_IMPORT, UndoParameters
from search.models import Document, Judgement
from search.services.history import undo_note
from workers.jobs.errors import wrong_state
from workers.jobs.rights import require_permitted
from workers.jobs.services import job_create_once, job_mark_undone

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet

    from search.job_types import ImportJobParameters, SourceRoundParameters
    from workers.models import Job


@dataclass(frozen=True)
class Undoable:
    """What undoing an import would do now.

    `documents` are those that it created and that would be removed, with their `judgements`. `changed_since` are
    those that it created and somebody else changed later: they stay.
    """

    documents: int
    judgements: int
    changed_since: int


def undoable_documents(import_id: UUID) -> QuerySet[Document]:
    """Return the documents that undoing an import removes: created by it, and not changed by anybody else since."""
    return Document.objects.filter(import_job=import_id, changed_since_import=False)


def import_undoable(job: Job) -> Undoable:
    """Return how much undoing this import would remove and keep."""
    documents = undoable_documents(job.pk)
    return Undoable(
        documents=documents.count(),
        judgements=Judgement.objects.filter(document__in=documents).count(),
        changed_since=Document.objects.filter(import_job=job.pk, changed_since_import=True).count(),
    )


def may_be_undone(job: Job) -> bool:
    """Return whether the job is an import that has ended and some of whose documents are there as it left them."""
    return _stores(job) is not None and job.is_finished and undoable_documents(job.pk).exists()


@transaction.atomic
def import_undo(*, job: Job, by: AbstractBaseUser) -> Job:
    """Start the job that removes what an import created; where one is at work already, return that.

    The import itself cannot be tried again from then on. Raises AppError `import.not_an_import`,
    `import.nothing_to_undo`, `job.wrong_state`, `job.not_permitted`.
    """
    require_permitted(job, by)
    asked = _stores(job)
    if asked is None:
        raise AppError("import.not_an_import")
    if not job.is_finished:
        raise wrong_state("undone", job.state)
    if not undoable_documents(job.pk).exists():
        raise AppError("import.nothing_to_undo")
    parameters = UndoParameters(import_job=str(job.pk), collection=asked.collection)
    undo, _ = job_create_once(UNDO_IMPORT, parameters, owner=by)
    job_mark_undone(job, by=undo)
    undo_note(job=job, undo=undo, by=by)
    return undo


def _stores(job: Job) -> ImportJobParameters | SourceRoundParameters | None:
    """Return what an import or a round of a source is asked to do; None for any other job, and for a dry run."""
    asked = IMPORT.find_parameters(job) or SOURCE_ROUND.find_parameters(job)
    return None if asked is None or asked.dry_run else asked
