"""Changes of single documents by the API and the admin: noted as all changes are, so that they can be taken back."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, cast

from django.db import transaction

from search.curating.actions import Action
from search.curating.start import change_start, picked_documents
from search.curating.states import difference, state_put_back, state_whole
from search.models import ChangedDocument, ChangeSet, Collection, Document
from search.services.documents import document_delete, document_save, encode_soon
from search.services.history import blobs_keep, change_audit, history_erase
from search.services.versions import document_held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet

    from retrieval_site.accounts.models import User
    from search.curating.states import State
    from search.services.document_fields import DocumentFields, ImageInput


def document_edit(
    *,
    collection: Collection,
    external_id: str,
    fields: DocumentFields,
    images: Sequence[ImageInput] | None = None,
    by: AbstractBaseUser,
) -> Document:
    """Create or change a document in somebody's name, note what changed, and ask for its vectors.

    `images` None keeps the stored pictures. What is as it was is no change. Raises AppError `document.*`, `field.*`.
    """
    with document_held(collection=collection, external_id=external_id) as stored:
        before = state_whole(stored) if stored else None
        document, written = document_save(
            collection=collection, external_id=external_id, fields=fields, images=images
        )
        if written:
            _note(document, before, by)
            encode_soon(owner=by)
    return document


def document_trash(*, document: Document, by: AbstractBaseUser) -> None:
    """Move a document to the trash, with everything that belongs to it."""
    documents_trash(documents=Document.objects.filter(pk=document.pk), by=by)


@transaction.atomic
def documents_trash(*, documents: QuerySet[Document], by: AbstractBaseUser) -> None:
    """Move documents to the trash: a change for each collection that they are of."""
    by_collection: dict[int, list[int]] = defaultdict(list)
    for pk, collection in documents.values_list("pk", "collection"):
        by_collection[collection].append(pk)
    for collection in Collection.objects.filter(pk__in=by_collection).order_by("pk"):
        picked = picked_documents(collection, by_collection[collection.pk])
        change_start(
            collection=collection, action=Action.TRASH, detail={}, documents=picked, by=cast("User", by)
        )


@transaction.atomic
def document_erase(*, document: Document, by: AbstractBaseUser) -> None:
    """Delete a document for good. That it was done is noted, and nothing of what it said."""
    change_set = ChangeSet.objects.create(collection=document.collection, action=Action.DELETE, by_id=by.pk)
    ChangedDocument.objects.create(change_set=change_set, document_id=document.pk, state=_DONE)
    change_audit(change_set, 1)
    document_delete(document=document)
    history_erase([document.pk])


_DONE = ChangedDocument.State.DONE


def _note(document: Document, before: State | None, by: AbstractBaseUser) -> None:
    states: tuple[State, State] = ({"trashed": True}, state_put_back(document.content_hash))
    if before is not None:
        states = difference(before, state_whole(document))
    change_set = ChangeSet.objects.create(
        collection_id=document.collection_id, action=Action.EDIT if before else Action.CREATE, by_id=by.pk
    )
    change = ChangedDocument.objects.create(
        change_set=change_set,
        document_id=document.pk,
        title=str(document)[:500],
        state=_DONE,
        before=states[0],
        after=states[1],
    )
    blobs_keep([change])
