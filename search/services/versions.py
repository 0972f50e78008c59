"""Which version of a row somebody read, so that nobody overwrites what they did not see."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from retrieval_site.errors import AppError
from search.models import Collection, Document

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGITS = 32
"""Of a SHA-256 in hex: 128 bits."""


def digest(*values: object) -> str:
    """Return a short hash of plain values."""
    text = json.dumps(values, cls=DjangoJSONEncoder, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def document_version(document: Document) -> str:
    """Return what changes whenever somebody changes the document, and only then."""
    return digest(document.pk, document.collection_id, document.content_hash, document.updated_at)


@contextmanager
def document_held(*, collection: Collection, external_id: str) -> Iterator[Document | None]:
    """Yield the document as it is now, or None, in a transaction in which nobody else can change it.

    The collection is locked first, as every writer does, then the row. Raises AppError `collection.not_found`.
    """
    with transaction.atomic():
        collection_lock(collection)
        rows = Document.objects.filter(collection=collection, external_id=external_id)
        yield rows.select_for_update(no_key=True).first()


def collection_lock(collection: Collection) -> None:
    """Let one writer at a time into a collection, so that two imports cannot both create the same document."""
    rows = Collection.objects.filter(pk=collection.pk).select_for_update(no_key=True)
    if not rows.values_list("pk", flat=True).first():
        raise AppError("collection.not_found/deleted")
