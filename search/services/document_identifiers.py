"""Keeping the identifiers of documents in step with what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.models import DocumentIdentifier
from search.words.identifiers import identifiers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.models import Document


def identifiers_replace(documents: Sequence[Document]) -> None:
    """Make the stored identifiers of each document those that it names now. Call it in a transaction.

    A text that waits to be split names nothing yet: reading it takes time too, so the job that splits it brings them.
    """
    wanted = {
        (document.pk, value): source for document in documents for value, source in _named(document).items()
    }
    gone = []
    rows = DocumentIdentifier.objects.filter(document__in=[document.pk for document in documents])
    for pk, document_id, value, source in rows.values_list("pk", "document_id", "value", "source"):
        if wanted.get((document_id, value)) == source:
            del wanted[document_id, value]
        else:
            gone.append(pk)
    if gone:
        DocumentIdentifier.objects.filter(pk__in=gone).delete()
    DocumentIdentifier.objects.bulk_create(
        DocumentIdentifier(document_id=document_id, value=value, source=source)
        for (document_id, value), source in wanted.items()
    )


def _named(document: Document) -> dict[str, str]:
    body = "" if document.split_pending else document.body
    return identifiers_of(document.external_id, document.title, body, document.metadata)
