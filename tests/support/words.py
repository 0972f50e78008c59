"""Documents that say what a test wants them to, written as people's are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.models import Document
from search.services.document_fields import DocumentFields
from search.services.documents import DocumentRecord, documents_save

if TYPE_CHECKING:
    from search.models import Collection


def write(collection: Collection, *bodies: str, **fields: Any) -> list[Document]:
    """Save a document for each body; returns them in order."""
    first = Document.objects.count()
    ids = [fields.pop("external_id", None) or f"n-{first + place}" for place in range(len(bodies))]
    records = [
        DocumentRecord(name, DocumentFields(body=body, **fields))
        for name, body in zip(ids, bodies, strict=True)
    ]
    documents_save(collection=collection, records=records)
    stored = {document.external_id: document for document in Document.objects.filter(external_id__in=ids)}
    return [stored[name] for name in ids]
