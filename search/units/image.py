"""Images: the pictures of a document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from django.urls import reverse

from retrieval_site.languages.lazy import gettext_lazy
from search.models import DocumentImage
from search.units.kind import Shown, UnitKind
from search.units.pictures import pictures_of


@dataclass(frozen=True)
class ImageAnswer:
    """A picture of a document."""

    sha256: str
    url: str = field(metadata={"help_text": "`?w=320` gives a thumbnail"})
    width: int = field(metadata={"help_text": "pixels, upright"})
    height: int = field(metadata={"help_text": "pixels, upright"})
    alt: str = field(metadata={"allow_blank": True})

    @classmethod
    def of(cls, unit: DocumentImage) -> Self:
        """Return what the API says of a picture."""
        url = reverse("search:image", args=[unit.blob_id])
        return cls(unit.blob_id, url, unit.width, unit.height, unit.alt)


def _itself(image: DocumentImage) -> DocumentImage:
    return image


IMAGE = UnitKind(
    name="image",
    target="images",
    model=DocumentImage,
    modality="image",
    read=pictures_of(DocumentImage),
    shown=Shown(
        ImageAnswer,
        gettext_lazy("Pictures"),
        "images",
        gettext_lazy("pictures"),
        gettext_lazy("pictures"),
        gettext_lazy("Each document stands once, by its best picture."),
        picture=_itself,
        on_page=True,
        tiles=True,
        hits_a_page=24,
    ),
    content="blob_id",
)
