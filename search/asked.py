"""What a kept search asked with, as one person may see it now: for lists of searches on pages and in the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from retrieval_site.languages.lazy import gettext_lazy
from search.models import Collection, Document, QueryPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from search.models import Query
    from search.querysets import Viewer


@dataclass(frozen=True)
class AskedPart:
    """One part of a search; `document` is None where the viewer may not see it, or it is gone."""

    row: QueryPart
    document: Document | None = None

    @property
    def icon(self) -> str:
        """Return the icon that stands for it where it has no photo."""
        return _ICONS.get(self.row.modality, "images")


@dataclass(frozen=True)
class AskedSearch:
    """A search as a list shows it: its parts, and the names of the collections it was limited to."""

    query: Query
    parts: tuple[AskedPart, ...]
    collections: tuple[Collection, ...]

    @property
    def title(self) -> str:
        """Return a few words for it: its own, else what it asked with."""
        words = " ".join(part.row.text for part in self.parts if part.row.text)
        return words or next((_KINDS[part.row.modality] for part in self.parts), gettext("A search"))


_ICONS = {"text": "search", "document": "file-text"}
_KINDS = {
    "image": gettext_lazy("A photo"),
    "document": gettext_lazy("More like a document"),
    "embedding": gettext_lazy("A vector"),
    "text": gettext_lazy("Words"),
}


def asked_searches(queries: Sequence[Query], viewer: Viewer) -> list[AskedSearch]:
    """Return the searches in their order, in three statements however many there are."""
    parts = _parts(queries)
    documents = visible_documents(parts, viewer)
    slugs = {slug for query in queries for slug in query.collections}
    visible = Collection.objects.visible_to(viewer).filter(slug__in=slugs) if slugs else ()
    collections = {collection.slug: collection for collection in visible}
    return [
        AskedSearch(
            query,
            tuple(
                AskedPart(part, documents.get(part.document_id or 0))
                for part in parts
                if part.query_id == query.pk
            ),
            tuple(collections[slug] for slug in query.collections if slug in collections),
        )
        for query in queries
    ]


def _parts(queries: Iterable[Query]) -> list[QueryPart]:
    rows = QueryPart.objects.filter(query__in=[query.pk for query in queries])
    return list(rows.defer("embedding").order_by("place"))


def visible_documents(parts: Iterable[QueryPart], viewer: Viewer) -> Mapping[int, Document]:
    """Return the documents of these parts that the viewer may see, by their ids; of each only what names it."""
    ids = {part.document_id for part in parts if part.document_id}
    if not ids:
        return {}
    rows = Document.objects.visible_to(viewer).filter(pk__in=ids).only("pk", "title", "external_id")
    return {document.pk: document for document in rows}
