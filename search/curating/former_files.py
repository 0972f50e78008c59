"""Erasing one former version of a document's file: the row at once, its bytes unless something else has the same."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from retrieval_site.errors import AppError
from search.curating.actions import Action
from search.models import ChangedDocument, ChangeSet
from search.services.document_files import former_files
from search.services.history import change_audit
from search.services.versions import collection_lock
from workers.storage.sweeping import blob_remove_unused

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from search.models import Document, DocumentFile


def former_file_of(document: Document, file_id: int, viewer: AbstractBaseUser) -> DocumentFile:
    """Return a former version of a document's file, for its curators; raises AppError `document.file_not_found`."""
    found = former_files(document, viewer).filter(pk=file_id).first()
    if found is None:
        raise AppError("document.file_not_found/former")
    return found


@transaction.atomic
def former_file_erase(*, document: Document, file_id: int, by: AbstractBaseUser) -> None:
    """Erase a former version of a document's file for good, and note in the collection's history and the audit log
    that it was done.

    Its bytes go with it, unless a row or a job still refers to the same ones. Raises AppError
    `document.file_not_found`.
    """
    collection_lock(document.collection)
    former = former_file_of(document, file_id, by)
    blob_id, former_name = former.blob_id, f"{former.name}, until {former.replaced_at:%Y-%m-%d %H:%M}"
    former.delete()
    change_set = ChangeSet.objects.create(
        collection=document.collection, action=Action.ERASE_FILE, by_id=by.pk
    )
    ChangedDocument.objects.create(
        change_set=change_set,
        document_id=document.pk,
        title=str(document)[:500],
        state=ChangedDocument.State.DONE,
        before={"former_file": former_name},
        after={"former_file": ""},
    )
    change_audit(change_set, 1)
    if blob_id is not None:
        transaction.on_commit(partial(blob_remove_unused, blob_id))
