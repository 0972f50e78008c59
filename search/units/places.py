"""Where on a page of its document's file a unit stands: what a page marks, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django.urls import reverse

from search.models import DocumentImage, Passage

if TYPE_CHECKING:
    from search.models import DocumentPage


@dataclass(frozen=True)
class PlaceOnPage:
    """A page, its picture, and where on it a unit stands.

    `boxes`: left, top, width and height as fractions of the page, in reading order; empty where places are not known.
    `image`: address of the page's picture, None where it has none, `width` and `height` its pixels. `url`: where people
    see it marked.
    """

    page: int
    url: str
    image: str | None
    width: int
    height: int
    boxes: list[list[float]]

    @classmethod
    def of(cls, unit: Any, page: DocumentPage) -> Self:
        """Return where a passage or picture stands on the page."""
        url = reverse("search:page", args=[page.document_id, page.number])
        url = f"{url}?passage={unit.pk}" if isinstance(unit, Passage) else url
        image = reverse("search:image", args=[page.blob_id]) if page.blob_id else None
        return cls(page.number, url, image, page.width, page.height, _boxes(unit, page))


def _boxes(unit: Any, page: DocumentPage) -> list[list[float]]:
    if isinstance(unit, Passage):
        return page.boxes_between(unit.start, unit.end)
    return [unit.box] if isinstance(unit, DocumentImage) and unit.box else []
