"""Keeping a document's passages and pictures in step with its text: what stays the same keeps its row and vector."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from search.models import Document, DocumentImage, Passage
from search.outline import Outline
from search.services.kept_rows import rows_kept
from search.splitting import passages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from search.services.document_fields import ImageInput


_PLACE = ("ordinal", "start", "end", "page")
SPLIT_AT_ONCE_CHARACTERS = 20_000
"""A web request splits texts up to this length, in some tens of milliseconds; a job splits longer ones."""


def units_replace(documents: Sequence[Document], images: Sequence[Sequence[ImageInput] | None]) -> None:
    """Make the stored units of each document those that it should have; `images` None leaves its pictures.

    Of a document whose text waits to be split, only those passages stay that still stand in it.
    """
    passages_replace({d.pk: passages_wanted(d) for d in documents if not d.split_pending})
    for document in documents:
        if document.split_pending:
            _withdraw(document)
    with_images = {
        document.pk: list(wanted)
        for document, wanted in zip(documents, images, strict=True)
        if wanted is not None
    }
    images_replace(with_images)


def passages_wanted(document: Document) -> list[Passage]:
    """Return the unsaved passages of a document's body; of its title alone where there is no body."""
    if not document.body.strip():
        title = document.title.strip()
        return [Passage(document=document, ordinal=0, start=0, end=0, text=title)] if title else []
    outline = Outline.of(document.outline)
    return [
        Passage(
            document=document,
            ordinal=ordinal,
            start=span.start,
            end=span.end,
            text=document.body[span.start : span.end],
            heading=outline.heading_at(span.start),
            page=outline.page_at(span.start),
        )
        for ordinal, span in enumerate(passages(document.body, outline.breaks))
    ]


def passages_replace(wanted_by_document: Mapping[int, Sequence[Passage]]) -> None:
    """Make these the passages of the documents, by id; those with the same words and headings stay.

    Call it in a transaction.
    """
    stored = Passage.objects.filter(document__in=wanted_by_document).order_by("pk").select_for_update()
    wanted = chain.from_iterable(wanted_by_document.values())
    kept = rows_kept(stored, wanted, lambda one: (one.document_id, one.text, one.heading), _PLACE)
    if kept.gone:
        Passage.objects.filter(pk__in=[passage.pk for passage in kept.gone]).delete()
    Passage.objects.bulk_update(kept.changed, _PLACE)
    Passage.objects.bulk_create(kept.new)


def _withdraw(document: Document) -> None:
    """Delete at once what the new text no longer says, so that it is not found any more; keep and move the rest.

    Looks where a passage stood, and where one edit before it would have moved it: in proportion to the text.
    """
    gone, moved = [], []
    stored = list(Passage.objects.filter(document=document).order_by("pk").select_for_update())
    grown_by = len(document.body.rstrip()) - max((passage.end for passage in stored), default=0)
    for passage in stored:
        start = _start_in(document.body, passage, grown_by)
        if start is None:
            gone.append(passage.pk)
        elif start != passage.start:
            passage.start, passage.end = start, start + len(passage.text)
            moved.append(passage)
    if gone:
        Passage.objects.filter(pk__in=gone).delete()
    Passage.objects.bulk_update(moved, ["start", "end"])


def _start_in(body: str, passage: Passage, grown_by: int) -> int | None:
    for start in (passage.start, passage.start + grown_by):
        if start >= 0 and passage.end > 0 and body.startswith(passage.text, start):
            return start
    return None


def images_replace(wanted: Mapping[int, Sequence[ImageInput]]) -> None:
    """Make these the pictures of the documents, by id; the same files stay. Call it in a transaction."""
    rows = DocumentImage.objects.filter(document__in=wanted).order_by("pk").select_for_update()
    stored = {(image.document_id, image.blob_id): image for image in rows}
    new, moved = [], []
    for document_id, images in wanted.items():
        for ordinal, image in enumerate(images):
            kept = stored.pop((document_id, image.blob_id), None)
            if kept is None:
                new.append(_image(document_id, ordinal, image))
            elif _place(kept, image, ordinal):
                moved.append(kept)
    if stored:
        DocumentImage.objects.filter(pk__in=[image.pk for image in stored.values()]).delete()
    DocumentImage.objects.bulk_update(moved, ["ordinal", "alt", "page", "box"])
    DocumentImage.objects.bulk_create(new)


def _place(kept: DocumentImage, image: ImageInput, ordinal: int) -> bool:
    """Take over what is said of a picture; return whether anything changed."""
    before = (kept.ordinal, kept.alt, kept.page, kept.box)
    kept.ordinal, kept.alt = ordinal, image.alt
    if image.page is not None:
        kept.page, kept.box = image.page, image.box and list(image.box)
    return before != (kept.ordinal, kept.alt, kept.page, kept.box)


def _image(document_id: int, ordinal: int, image: ImageInput) -> DocumentImage:
    return DocumentImage(
        document_id=document_id,
        ordinal=ordinal,
        blob_id=image.blob_id,
        width=image.width,
        height=image.height,
        alt=image.alt,
        page=image.page,
        box=image.box and list(image.box),
    )
