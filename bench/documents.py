"""Documents of one passage each, by plain bulk inserts: importing is measured elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.models import Collection, Document, Passage
from search.services.collections import collection_delete

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 5000


def documents_store(slug: str, name: str, texts: Sequence[str]) -> None:
    """Store a public collection anew, with a document for each text: its external id is `d` and its place."""
    for earlier in Collection.objects.filter(slug=slug):
        collection_delete(collection=earlier)
    collection = Collection.objects.create(slug=slug, name=name, visibility=Collection.Visibility.PUBLIC)
    for start in range(0, len(texts), BATCH):
        _store(collection, start, texts[start : start + BATCH])


def _store(collection: Collection, start: int, texts: Sequence[str]) -> None:
    documents = Document.objects.bulk_create(
        Document(collection=collection, external_id=f"d{start + n}", title=f"Document {start + n}", body=text)
        for n, text in enumerate(texts)
    )
    Passage.objects.bulk_create(
        Passage(document=document, ordinal=0, start=0, end=len(text), text=text)
        for document, text in zip(documents, texts, strict=True)
    )
