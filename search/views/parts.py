"""The parts of a search on the pages: shown as chips, changed by their form, added to by words, photos and hits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from retrieval_site.errors import AppError
from search.asked import AskedPart, visible_documents
from search.retrieval.keep import part_vectors, sent_before
from search.retrieval.types import AS_WRITTEN, MENDED, DocumentPart, EmbeddingPart, ImagePart, TextPart
from search.services.uploads import read_picture
from search.views.framing import photo_again

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest, QueryDict

    from search.models import Query, QueryPart
    from search.querysets import Viewer
    from search.retrieval.types import Part

TEXT_MAX = 2000
WORDS_WEIGHT = 0.9
"""Of words and hits beside a photo: found on drawings apart from those that docs/composed.md measures with."""
LESS_WEIGHT = -1.0


@dataclass(frozen=True)
class PartChip(AskedPart):
    """A part as its chip shows it."""

    @property
    def sign(self) -> int:
        """1 for what is looked for, −1 for what is not."""
        return 1 if self.row.weight > 0 else -1

    @property
    def strength(self) -> str:
        """How much it counts, as its slider says it."""
        return f"{abs(self.row.weight):.2g}"

    @property
    def label(self) -> str:
        """What the chip says: the words, the document's title, or what it is."""
        if self.row.text:
            return str(self.row.text)
        if self.document:
            return str(self.document)
        return {"image": gettext("Your photo"), "document": gettext("A document")}.get(
            self.row.modality, gettext("A vector")
        )


def chips(query: Query, viewer: Viewer) -> list[PartChip]:
    """Return a search's parts, with the documents of them that the viewer may see."""
    documents = visible_documents(query.asked, viewer)
    return [PartChip(part, documents.get(part.document_id or 0)) for part in query.asked]


def parts_again(query: Query, request: HttpRequest) -> tuple[Part, ...]:
    """Return an earlier search's parts as the form has changed them, and what it adds.

    A form that says nothing of the parts leaves them as they are. Raises AppError `query.not_repeatable`, and of what
    is added.
    """
    form = request.POST
    kept = {part.place: part for part in query.asked}
    weights = dict(_weights(query, form))
    parts = [
        replace(_part_again(kept[place], query, form), weight=weight) for place, weight in weights.items()
    ]
    return (*parts, *_added(request))


def _weights(query: Query, form: QueryDict) -> Iterator[tuple[int, float]]:
    """Yield the places of the parts that stay, in their order, with their weights."""
    weights = {str(part.place): part.weight for part in query.asked}
    modalities = {str(part.place): part.modality for part in query.asked}
    places = form.getlist("part") or list(weights)
    strengths = form.getlist("strength") or [""] * len(places)
    for place, strength in zip(places, strengths, strict=False):
        if place not in weights or place == form.get("remove"):
            continue
        weight = _strength(strength, abs(weights[place])) * (1 if weights[place] > 0 else -1)
        is_flipped = place == form.get("flip")
        yield int(place), _flipped(weight, modalities[place]) if is_flipped else weight


def _flipped(weight: float, modality: str) -> float:
    """Return a part's weight with the other sign: as such a part is added, where nobody has chosen another."""
    more = 1.0 if modality == "image" else WORDS_WEIGHT
    return {more: LESS_WEIGHT, LESS_WEIGHT: more}.get(weight, -weight)


def _strength(written: str, otherwise: float) -> float:
    """Return how much a part counts; raises AppError `query.weight` for what is no number from 0 to 1."""
    try:
        strength = float(written) if written else otherwise
    except ValueError as error:
        raise AppError("query.weight") from error
    if not 0 < strength <= 1:
        raise AppError("query.weight")
    return strength


def _added(request: HttpRequest) -> Iterator[Part]:
    form = request.POST
    for name, weight in (("more", WORDS_WEIGHT), ("less", LESS_WEIGHT)):
        if document := form.get(name):
            yield DocumentPart(document_id(document), weight)
    less = form.get("add") == "less"
    if text := form.get("text", "").strip():
        yield TextPart(checked_text(text), LESS_WEIGHT if less else WORDS_WEIGHT)
    photos = request.FILES.getlist("image")
    if form.get("add") and not text and not photos:
        raise AppError("text.empty")
    for photo in photos:
        yield ImagePart(read_picture(photo), LESS_WEIGHT if less else 1.0)


def _part_again(part: QueryPart, query: Query, form: QueryDict) -> Part:
    """Return a part of an earlier search, its vector where the photo is gone."""
    if part.modality == "text":
        return TextPart(_written(part, query) if stays_as_written(query, form) else part.text)
    if part.document_id:
        return DocumentPart(part.document_id)
    if photo := photo_again(part, form):
        return photo
    if part.embedding and query.version:
        vectors = part_vectors(part, query.version.dim)
        if len(vectors) == 1:  # a document that is gone since may have brought several
            return EmbeddingPart(tuple(vectors[0].tolist()), sent=sent_before(part))
    raise AppError("query.not_repeatable")


def stays_as_written(query: Query, form: QueryDict) -> bool:
    """Return whether words are asked again as they were written, misspelt or not: now, or since an earlier time."""
    before = any(warning["id"] == AS_WRITTEN for warning in query.warnings)
    return "mend" not in form and (before or bool(form.get("as_written")))


def _written(part: QueryPart, query: Query) -> str:
    """Return the words of a part as they were written, before misspelt ones were mended."""
    texts: dict[str, str] = {}
    for warning in query.warnings:
        texts |= warning["detail"].get("texts", {}) if warning["id"] == MENDED else {}
    return texts.get(str(part.place), str(part.text))


def checked_text(text: str) -> str:
    """Return words that a form brings; raises AppError `text.too_long`, `text.not_text`."""
    if len(text) > TEXT_MAX:
        raise AppError("text.too_long", limit=TEXT_MAX)
    if "\0" in text:
        raise AppError("text.not_text")
    return text


def document_id(written: str) -> int:
    """Return a document's id that a form brings; raises AppError `document.not_found`."""
    if not (written.isascii() and written.isdigit() and len(written) < 19):
        raise AppError("document.not_found")
    return int(written)
