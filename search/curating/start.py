"""Asking for a change: who may, of which documents, noted before the first of them is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db import IntegrityError, connection, transaction

from retrieval_site.errors import AppError
from search.curating.actions import FINAL, Action
from search.curating.changes import change_go, collections_of, curates_all
from search.curating.merging import MERGED_MAX
from search.models import ChangedDocument, ChangeSet, Collection, Document, TrashedDocument
from search.services.history import OF_JOBS, change_audit
from search.services.undoing import import_undo, may_be_undone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models import QuerySet

    from retrieval_site.accounts.models import User

_NOTE = """
    INSERT INTO search_changeddocument
        (change_set_id, document_id, title, state, reason, message, before, after, origin_id)
    SELECT %s, picked.document, '', 'waiting', '', '', '{{}}', '{{}}', picked.origin
    FROM ({picked}) picked (document, origin) ORDER BY picked.document
"""


def curated_collection(slug: str, user: Any) -> Collection:
    """Return a collection that the user curates, with its `document_count`.

    Raises AppError `collection.not_found` for any other.
    """
    found: Collection | None = Collection.objects.curated_by(user).counted().filter(slug=slug).first()
    if found is None:
        raise AppError("collection.not_found")
    return found


@transaction.atomic
def change_start(
    *, collection: Collection, action: str, detail: Mapping[str, Any], documents: QuerySet[Any], by: User
) -> ChangeSet:
    """Start a change of these documents, or for `restore` of these trashed ones; few of them are changed at once.

    Raises AppError `curating.nothing_selected`.
    """
    change_set = ChangeSet.objects.create(collection=collection, action=action, detail=dict(detail), by=by)
    change_audit(change_set, _note(change_set, documents.values_list("pk")))
    change_go(change_set)
    return change_set


def picked_documents(collection: Collection, ids: Iterable[int]) -> QuerySet[Document]:
    """Return the documents of these ids, as far as they are the collection's."""
    return Document.objects.filter(collection=collection, pk__in=set(ids)).order_by()


def picked_trashed(collection: Collection, ids: Iterable[int]) -> QuerySet[TrashedDocument]:
    """Return the trashed documents of these ids, as far as they are the collection's."""
    return TrashedDocument.objects.filter(collection=collection, pk__in=set(ids)).order_by()


def merge_start(*, collection: Collection, keep: int, ids: Iterable[int], by: User) -> ChangeSet:
    """Start to merge documents into the one to keep; raises AppError `curating.merge`, `curating.merge_many`."""
    wanted = {*ids, keep}
    there = set(picked_documents(collection, wanted).values_list("pk", flat=True))
    if keep not in there or len(there) < 2:
        raise AppError("curating.merge")
    if len(there) > MERGED_MAX:
        raise AppError("curating.merge_many", most=MERGED_MAX)
    documents = picked_documents(collection, there)
    return change_start(
        collection=collection, action=Action.MERGE, detail={"keep": keep}, documents=documents, by=by
    )


@transaction.atomic
def change_undo(*, change_set: ChangeSet, by: User) -> ChangeSet:
    """Start to take a change back, of the documents that nobody changed since.

    Raises AppError `curating.still_running`, `curating.undone_already`, `curating.nothing_to_undo`,
    `permission.denied` where the user does not curate every collection that it was about.
    """
    if not curates_all(change_set, by):
        raise AppError("permission.denied/curate")
    if change_set.action in OF_JOBS:
        return _undo_job(change_set, by)
    if change_set.changes.filter(state=ChangedDocument.State.WAITING).exists():
        raise AppError("curating.still_running")
    done = change_set.changes.filter(state=ChangedDocument.State.DONE).order_by()
    if change_set.action in FINAL or not done.exists():
        raise AppError("curating.nothing_to_undo")
    about = next(iter(collections_of(change_set)), None)
    try:
        with transaction.atomic():
            undo = ChangeSet.objects.create(
                collection=change_set.collection,
                action=Action.UNDO,
                undoes=change_set,
                by=by,
                detail={} if about is None else {"collection": about},
            )
    except IntegrityError as error:
        raise AppError("curating.undone_already") from error
    change_audit(undo, _note(undo, done.values_list("document_id", "pk")))
    change_go(undo)
    return undo


def may_take_back(change_set: ChangeSet) -> bool:
    """Return whether a change, as `change_sets` gives it, has ended and left something to take back."""
    if change_set.action in OF_JOBS:
        return change_set.job is not None and may_be_undone(change_set.job)
    counted: Any = change_set
    return bool(change_set.action not in FINAL and counted.done_count and not counted.waiting_count)


def _undo_job(change_set: ChangeSet, by: User) -> ChangeSet:
    """Take an import or a round of a source back: the documents that it created and nobody changed since go."""
    job = change_set.job
    if job is not None and not job.is_finished:
        raise AppError("curating.still_running")
    if ChangeSet.objects.filter(undoes=change_set).exists():
        raise AppError("curating.undone_already")
    if job is None or not may_be_undone(job):
        raise AppError("curating.nothing_to_undo")
    import_undo(job=job, by=by)
    return ChangeSet.objects.get(undoes=change_set)


def _note(change_set: ChangeSet, picked: QuerySet[Any]) -> int:
    """Note the documents in one statement, however many there are; return how many."""
    try:
        statement, parameters = picked.query.sql_with_params()
    except EmptyResultSet as error:  # no id was given
        raise AppError("curating.nothing_selected") from error
    if len(picked.query.values_select) == 1:
        statement = f"SELECT one.id, NULL::bigint FROM ({statement}) one (id)"  # noqa: S608  Django's own SQL
    with connection.cursor() as cursor:
        cursor.execute(_NOTE.format(picked=statement), [change_set.pk, *parameters])
        if not cursor.rowcount:
            raise AppError("curating.nothing_selected")
        return int(cursor.rowcount)
