"""Last step: from ranked units to hits with their documents, in three statements however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.models import Document, Passage
from search.retrieval.types import Hit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.retrieval.types import Unit
    from search.vectors.tables import UnitKind


def present(
    units: Sequence[Unit], kind: UnitKind, collections: Sequence[int], first_rank: int = 1
) -> list[Hit]:
    """Return a hit for every unit whose document is in one of the collections; others are gone or hidden now.

    A vector's own collection was checked by the search; the document's is checked again here, so that a document
    that is moving between collections at this moment is shown to nobody too many.
    """
    documents = _documents(units, collections)
    passages = _passages(units) if kind == "passage" else {}
    hits: list[Hit] = []
    for unit in units:
        document = documents.get(unit.document_id)
        if document is not None:
            image = _image(document, unit) if kind == "image" else None
            passage = passages.get(unit.unit_id)
            hits.append(Hit(first_rank + len(hits), unit.score, document, passage, image))
    return hits


def _documents(units: Sequence[Unit], collections: Sequence[int]) -> dict[int, Any]:
    found = Document.objects.filter(
        pk__in=[unit.document_id for unit in units], collection_id__in=list(collections)
    )
    return {
        document.pk: document for document in found.select_related("collection").prefetch_related("images")
    }


def _passages(units: Sequence[Unit]) -> dict[int, Any]:
    return Passage.objects.in_bulk([unit.unit_id for unit in units])


def _image(document: Any, unit: Unit) -> Any:
    return next((image for image in document.images.all() if image.pk == unit.unit_id), None)
