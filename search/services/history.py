"""What is noted in a collection's history beside the changes that curators ask for, and what is erased from it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from retrieval_site.audit import audit_note
from search.job_types import IMPORT, SOURCE_ROUND
from search.models import ChangedBlob, ChangedDocument, ChangeSet
from workers.models import Blob, Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet

    from search.job_types import SourceRoundResult

OF_JOBS = (ChangeSet.Action.IMPORT, ChangeSet.Action.ROUND)
"""Changes that are counted by their job, and taken back by the undo of it."""


def import_note(job: Job) -> None:
    """Note once that an import stores documents; a dry run changes nothing."""
    asked = IMPORT.find_parameters(job)
    if asked is not None and not asked.dry_run:
        _note_job(job, ChangeSet.Action.IMPORT, asked.collection)


def round_note(job: Job, result: SourceRoundResult) -> None:
    """Note once that a round of a source changed something; those that found nothing new are its own affair."""
    asked = SOURCE_ROUND.find_parameters(job)
    if asked is None or asked.dry_run or not any((result.new, result.changed, result.moved, result.deleted)):
        return
    _note_job(job, ChangeSet.Action.ROUND, asked.collection)


@transaction.atomic
def _note_job(job: Job, action: ChangeSet.Action, collection: int) -> None:
    Job.objects.select_for_update(no_key=True).get(pk=job.pk)  # two runs of it at once note it once
    change_set, is_new = ChangeSet.objects.get_or_create(
        job=job, action=action, collection_id=collection, by_id=job.owner_id
    )
    if is_new:
        change_audit(change_set)


def change_audit(change_set: ChangeSet, documents: int | None = None) -> None:
    """Note a change in the audit log, which says that it was made and where; the change set says what of."""
    said: dict[str, Any] = {"change": change_set.action, "change_set": change_set.pk, "documents": documents}
    said |= {"job": str(change_set.job_id)} if change_set.job_id else {}
    where = change_set.collection
    audit_note("documents.changed", where, by=change_set.by, collection=where.pk, **said)


def undo_note(*, job: Job, undo: Job, by: AbstractBaseUser) -> ChangeSet | None:
    """Note that an import is undone; None of one that is older than this history."""
    undone = ChangeSet.objects.filter(job=job, action__in=OF_JOBS).first()
    if undone is None:
        return None
    values: dict[str, Any] = {
        "collection_id": undone.collection_id,
        "action": ChangeSet.Action.UNDO,
        "by_id": by.pk,
    }
    values["job"] = undo
    change_set, is_new = ChangeSet.objects.update_or_create(
        undoes=undone, defaults={"job": undo}, create_defaults={**values, "undoes": undone}
    )
    if is_new:
        change_audit(change_set)
    return change_set


def blobs_keep(changes: Sequence[ChangedDocument]) -> None:
    """Keep the pictures that changes speak of from being swept, so that these can be taken back."""
    named = {
        (change.pk, row[0])
        for change in changes
        for state in (change.before, change.after)
        for row in state.get("images", ())
    }
    there = set(Blob.objects.filter(pk__in={blob for _, blob in named}).values_list("pk", flat=True))
    rows = [ChangedBlob(change_id=change, blob_id=blob) for change, blob in named if blob in there]
    ChangedBlob.objects.bulk_create(rows, ignore_conflicts=True)


def blobs_to_end() -> QuerySet[ChangedBlob]:
    """Return the pictures that changes have kept for as long as the trash keeps documents."""
    days = settings.CONFIG.trash_keep_days
    if not days:
        return ChangedBlob.objects.none()
    return ChangedBlob.objects.filter(change__change_set__created_at__lt=Now() - timedelta(days=days))


def history_erase(documents: Iterable[int]) -> None:
    """Erase what the history says of documents that are gone for good; who changed them, and when, stays."""
    rows = ChangedDocument.objects.filter(document_id__in=list(documents))
    ChangedBlob.objects.filter(change__in=rows).delete()
    rows.update(title="", before={}, after={})
