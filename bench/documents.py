"""Documents of one passage each, by plain bulk inserts: importing is measured elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.models import Collection, Document, Passage
from search.services.collections import collection_delete
from search.services.fields import field_values_write, fields_count

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 5000
SHARES = {"half": 2, "twentieth": 20, "two-hundredth": 200, "two-thousandth": 2000}
"""A tag for every how manieth document: filters of 50, 5, 0.5 and 0.05 %."""
MAKERS, YEARS = 40, 100


def documents_store(slug: str, name: str, texts: Sequence[str]) -> None:
    """Store a public collection anew, with a document for each text: its external id is `d` and its place."""
    for earlier in Collection.objects.filter(slug=slug):
        collection_delete(collection=earlier)
    collection = Collection.objects.create(slug=slug, name=name, visibility=Collection.Visibility.PUBLIC)
    for start in range(0, len(texts), BATCH):
        _store(collection, start, texts[start : start + BATCH])
    fields_count()


def _store(collection: Collection, start: int, texts: Sequence[str]) -> None:
    documents = Document.objects.bulk_create(
        _document(collection, start + n, text) for n, text in enumerate(texts)
    )
    held = [(document.pk, document.tags, document.metadata) for document in documents]
    field_values_write(collection_id=collection.pk, documents=held)
    Passage.objects.bulk_create(
        Passage(document=document, ordinal=0, start=0, end=len(text), text=text)
        for document, text in zip(documents, texts, strict=True)
    )


def _document(collection: Collection, number: int, text: str) -> Document:
    return Document(
        collection=collection,
        external_id=f"d{number}",
        title=f"Document {number}",
        body=text,
        tags=[tag for tag, every in SHARES.items() if number % every == 0],
        metadata={"maker": f"Maker {number % MAKERS}", "year": 1900 + number % YEARS},
    )
