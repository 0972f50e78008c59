"""Changing many documents: what is to be changed is noted first, then done batch by batch, at once or by a job.

A batch is one transaction with its collections and documents locked, so whoever else changes them waits or was first.
A run that was killed goes on with the documents that still wait. A document that cannot be changed is left, with the
id of the error that says why, and holds nobody up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from retrieval_site.errors import AppError
from search.curating.actions import OF_TRASH, Action, wanted_state
from search.curating.judged import judgements_like
from search.curating.keeping import documents_put_back
from search.curating.merging import merged_states
from search.curating.states import is_still, same, state_like, state_put_back
from search.curating.write import documents_write, pictures_swept, refusal_of, refuse_taken
from search.job_types import CURATE, CurateParameters
from search.models import ChangedDocument, Collection, Document, TrashedDocument
from search.services.document_files import made_of_files
from search.services.documents import encode_soon
from search.services.field_rules import field_rules
from search.services.history import blobs_keep
from workers.jobs.services import job_create

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

    from search.curating.states import State
    from search.models import ChangeSet
    from search.querysets import Viewer
    from search.services.field_rules import FieldRules

AT_ONCE = 200
"""More documents than these are changed by a job."""
BATCH_DOCUMENTS = 200

Kind = ChangedDocument.State


def change_go(change_set: ChangeSet) -> None:
    """Do a noted change: at once where it is of few documents, else by a job."""
    if change_set.changes.count() <= AT_ONCE:
        while change_batch(change_set):
            pass
        change_end(change_set)
        return
    parameters = CurateParameters(change_set=change_set.pk, collection=change_set.collection_id)
    change_set.job = job_create(CURATE, parameters, owner=change_set.by)
    change_set.save(update_fields=["job"])


def change_end(change_set: ChangeSet) -> None:
    """Ask for the vectors of what came back or got pictures, and for what is counted anew."""
    if change_set.action != Action.TRASH:
        encode_soon(owner=change_set.by)


@transaction.atomic
def change_batch(change_set: ChangeSet) -> list[ChangedDocument]:
    """Change the next documents that wait, and return what became of them; nothing where none waits."""
    _lock(change_set)
    waiting = list(_waiting(change_set))
    if not waiting:
        return []
    if change_set.action in OF_TRASH:
        _restore(change_set, waiting)
    elif change_set.action == Action.UNDO:
        _undo(change_set, waiting)
    else:
        _change(change_set, waiting)
    ChangedDocument.objects.bulk_update(waiting, ["title", "state", "reason", "message", "before", "after"])
    blobs_keep(waiting)
    return waiting


def _waiting(change_set: ChangeSet) -> QuerySet[ChangedDocument]:
    """Return the changes of the next batch, locked: two runs of the same set take turns."""
    rows = change_set.changes.filter(state=Kind.WAITING).select_related("origin")
    rows = rows.order_by("pk").select_for_update(of=("self",))
    return rows if change_set.action == Action.MERGE else rows[:BATCH_DOCUMENTS]


def _lock(change_set: ChangeSet) -> None:
    """Let nobody else write into the collections; raises AppError `collection.not_found` where its own is gone."""
    wanted = {change_set.collection_id, *collections_of(change_set)}
    rows = Collection.objects.filter(pk__in=wanted).order_by("pk").select_for_update(no_key=True)
    if change_set.collection_id not in list(rows.values_list("pk", flat=True)):
        raise AppError("collection.not_found/deleted")


def collections_of(change_set: ChangeSet) -> list[int]:
    """Return the other collections that a change set is about: what it moves to, or back from."""
    details = [change_set.detail, change_set.undoes.detail if change_set.undoes else {}]
    return [detail["collection"] for detail in details if "collection" in detail]


def curates_all(change_set: ChangeSet, user: Viewer) -> bool:
    """Return whether somebody curates every collection that a change set is about."""
    wanted = {change_set.collection_id, *collections_of(change_set)}
    return Collection.objects.curated_by(user).filter(pk__in=wanted).count() == len(wanted)


def _documents(change_set: ChangeSet, waiting: Sequence[ChangedDocument]) -> dict[int, Document]:
    """Return the documents that are there and in the set's collections, locked, with their pictures."""
    within = [
        change_set.collection_id,
        *(collections_of(change_set) if change_set.action == Action.UNDO else []),
    ]
    rows = Document.objects.filter(pk__in=[one.document_id for one in waiting], collection__in=within)
    return {
        one.pk: one for one in rows.order_by("pk").select_for_update(of=("self",)).prefetch_related("images")
    }


def _change(change_set: ChangeSet, waiting: Sequence[ChangedDocument]) -> None:
    documents = _documents(change_set, waiting)
    if change_set.action == Action.MERGE:
        wanted = merged_states(change_set.detail["keep"], documents)
    else:
        wanted = {
            pk: wanted_state(change_set.action, change_set.detail, one) for pk, one in documents.items()
        }
    _write(change_set, waiting, documents, wanted)


class _Checks:
    """What keeps documents from what is wanted; each collection's rules are read once."""

    def __init__(self, wanted: Sequence[tuple[Document, State]]) -> None:
        self._taken = refuse_taken(wanted)
        self._swept = pictures_swept(wanted)
        self._of_files = made_of_files(document.pk for document, _ in wanted)
        self._rules: dict[int, FieldRules] = {}

    def refusal(self, document: Document, wanted: State) -> AppError | None:
        """Return the error that says why a document cannot become so."""
        if document.pk in self._taken:
            return AppError("curating.external_id_taken")
        if document.pk in self._swept:
            return AppError("curating.pictures_gone")
        collection = wanted.get("collection", document.collection_id)
        if collection not in self._rules:
            self._rules[collection] = field_rules(collection)
        of_file = document.pk in self._of_files
        return refusal_of(document, wanted, self._rules[collection], of_file=of_file)


def _write(
    change_set: ChangeSet,
    waiting: Sequence[ChangedDocument],
    documents: Mapping[int, Document],
    wanted: Mapping[int, State],
) -> None:
    """Write what can be written, and note of each document what it was, what it is, or why it stays."""
    there = [(documents[pk], state) for pk, state in wanted.items() if pk in documents]
    checks = _Checks(there)
    writing = []
    for change in waiting:
        document = documents.get(change.document_id)
        if document is None or change.document_id not in wanted:
            _leave(change, AppError("document.not_found"))
            continue
        _note(change, document, wanted[document.pk])
        if change.state == Kind.SAME:
            continue
        if refusal := checks.refusal(document, change.after):
            _leave(change, refusal)
        else:
            writing.append((document, dict(change.after)))
    if change_set.action == Action.MERGE:
        writing = _unless_kept_is_left(change_set, waiting, writing)
    documents_write(writing, change_set.by)


def _unless_kept_is_left(
    change_set: ChangeSet, waiting: Sequence[ChangedDocument], writing: list[tuple[Document, State]]
) -> list[tuple[Document, State]]:
    """Merge nothing where the document that was to get everything cannot be changed."""
    kept = next((one for one in waiting if one.document_id == change_set.detail["keep"]), None)
    if kept is not None and kept.state != Kind.LEFT:
        return writing
    for change in waiting:
        if change is kept:
            continue
        _leave(change, AppError("curating.merge_left"))
    return []


def _note(change: ChangedDocument, document: Document, wanted: State) -> None:
    change.title = str(document)[:500]
    change.before, change.after = state_like(document, wanted), wanted
    change.state = Kind.SAME if same(change.before, change.after) else Kind.DONE


def _leave(change: ChangedDocument, error: AppError) -> None:
    change.state, change.before, change.after = Kind.LEFT, {}, {}
    change.reason, change.message = error.id, error.message[:500]


def _restore(change_set: ChangeSet, waiting: Sequence[ChangedDocument]) -> None:
    """Put back what is in the trash of the set's collections and whose external id nobody took."""
    within = [change_set.collection_id, *collections_of(change_set)]
    rows = TrashedDocument.objects.filter(
        pk__in=[change.document_id for change in waiting], collection__in=within
    )
    trashed = {one.pk: one for one in rows.order_by("pk").select_for_update(of=("self",))}
    taken = _taken_meanwhile(trashed.values())
    back = []
    for change in waiting:
        one = trashed.get(change.document_id)
        if one is None:
            _leave(change, AppError("curating.not_in_trash"))
        elif (one.collection_id, one.external_id) in taken:
            _leave(change, AppError("curating.external_id_taken"))
        else:
            taken.add((one.collection_id, one.external_id))
            change.title, change.state = str(one)[:500], Kind.DONE
            back.append(one)
    if not back:
        return
    documents_put_back(trashed=back)
    rows = Document.objects.filter(pk__in=[one.pk for one in back])
    hashes = dict(rows.values_list("pk", "content_hash"))
    for change in waiting:
        if change.state == Kind.DONE:
            change.before, change.after = {"trashed": True}, state_put_back(hashes[change.document_id])


def _taken_meanwhile(trashed: object) -> set[tuple[int, str]]:
    rows = list(trashed)  # type: ignore[call-overload]
    found = Document.objects.filter(
        collection__in={one.collection_id for one in rows}, external_id__in={one.external_id for one in rows}
    )
    return set(found.values_list("collection_id", "external_id"))


def _undo(change_set: ChangeSet, waiting: Sequence[ChangedDocument]) -> None:
    """Give documents back what they were, where they still are what the change made of them."""
    trashed = [one for one in waiting if one.origin and one.origin.after.get("trashed")]
    others = [one for one in waiting if one not in trashed]
    _restore(change_set, trashed)
    documents = _documents(change_set, others)
    wanted: dict[int, State] = {}
    for change in others:
        document, origin = documents.get(change.document_id), change.origin
        if document is not None and origin is not None:
            if is_still(document, origin.after):
                wanted[document.pk] = _former(document, origin)
            else:
                documents.pop(document.pk)
                _leave(change, AppError("curating.changed_since"))
    if _is_of_merge(change_set) and any(change.state == Kind.LEFT for change in trashed):
        for change in others:
            if wanted.pop(change.document_id, None) is not None:
                documents.pop(change.document_id)
                _leave(change, AppError("curating.merged_gone"))
    open_ones = [change for change in others if change.state == Kind.WAITING]
    _write(change_set, open_ones, documents, wanted)


def _is_of_merge(change_set: ChangeSet) -> bool:
    """Return whether what is taken back, through all changes that took back one another, was a merge."""
    undone: ChangeSet | None = change_set.undoes
    while undone is not None and undone.action == Action.UNDO:
        undone = undone.undoes
    return undone is not None and undone.action == Action.MERGE


def _former(document: Document, origin: ChangedDocument) -> State:
    """Return what a document was before a change; of its judgements, those that their raters left alone since."""
    former: State = dict(origin.before)
    if "judgements" in former:
        moved = origin.after["judgements"]
        now = judgements_like(document.pk, moved)
        former["judgements"] = {
            key: row for key, row in former["judgements"].items() if now[key] == moved[key]
        }
    return former
