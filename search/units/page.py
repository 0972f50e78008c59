"""Pages: the pictures of the pages of a document's file, for models that were made for pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from django.urls import reverse

from retrieval_site.languages.lazy import gettext_lazy
from search.models import DocumentImage, DocumentPage
from search.units.kind import Shown, UnitKind
from search.units.pictures import pictures_of


@dataclass(frozen=True)
class PageAnswer:
    """A page of a document's file."""

    number: int = field(metadata={"help_text": "from 1"})
    url: str = field(metadata={"help_text": "where people read it"})
    image: str = field(metadata={"help_text": "address of its picture"})
    thumbnail: str = field(metadata={"help_text": "address of a small copy of its picture"})
    width: int = field(metadata={"help_text": "of its picture, in pixels"})
    height: int = field(metadata={"help_text": "of its picture, in pixels"})

    @classmethod
    def of(cls, unit: DocumentPage) -> Self:
        """Return what the API says of a page."""
        image = reverse("search:image", args=[unit.blob_id])
        return cls(unit.number, _address(unit), image, f"{image}?w=320", unit.width, unit.height)


def _address(page: DocumentPage) -> str:
    return reverse("search:page", args=[page.document_id, page.number])


def _picture(page: DocumentPage) -> DocumentImage:
    """Return the page's picture as one of the document; its key is below zero, since it is no row of theirs."""
    return DocumentImage(
        pk=-page.pk,
        document_id=page.document_id,
        ordinal=0,
        blob_id=page.blob_id or "",
        width=page.width,
        height=page.height,
    )


# Without `content`: other pages of text look alike to many models, and must not stand for each other.
PAGE = UnitKind(
    name="page",
    target="pages",
    model=DocumentPage,
    modality="image",
    read=pictures_of(DocumentPage),
    shown=Shown(
        PageAnswer,
        gettext_lazy("Pages"),
        "book-open",
        gettext_lazy("pages"),
        gettext_lazy("pages"),
        gettext_lazy("Each document stands once, by its best page."),
        address=_address,
        picture=_picture,
        tiles=True,
        whole=True,
        hits_a_page=24,
    ),
    where="unit.blob_id IS NOT NULL",
    at_passage="unit.number = GREATEST(passage.page, 1)",
    only_named=True,
)
