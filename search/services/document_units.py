"""Keeping a document's passages and pictures in step with its text: what stays the same keeps its row and vector."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from search.models import Document, DocumentImage, Passage
from search.splitting import passages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.services.document_fields import ImageInput


def units_replace(documents: Sequence[Document], images: Sequence[Sequence[ImageInput] | None]) -> None:
    """Make the stored units of each document those that it should have; `images` None leaves its pictures."""
    _passages_replace(documents)
    with_images = {
        document.pk: list(wanted)
        for document, wanted in zip(documents, images, strict=True)
        if wanted is not None
    }
    _images_replace(with_images)


def passages_of(document: Document) -> list[Passage]:
    """Return the unsaved passages of a document's body; of its title alone where there is no body."""
    if not document.body.strip():
        title = document.title.strip()
        return [Passage(document=document, ordinal=0, start=0, end=0, text=title)] if title else []
    return [
        Passage(
            document=document,
            ordinal=ordinal,
            start=span.start,
            end=span.end,
            text=document.body[span.start : span.end],
        )
        for ordinal, span in enumerate(passages(document.body))
    ]


def _passages_replace(documents: Sequence[Document]) -> None:
    stored: dict[tuple[int, str], list[Passage]] = defaultdict(list)
    for passage in Passage.objects.filter(document__in=documents).order_by("pk").select_for_update():
        stored[passage.document_id, passage.text].append(passage)
    new, moved = [], []
    for document in documents:
        for wanted in passages_of(document):
            kept = stored[document.pk, wanted.text]
            if not kept:
                new.append(wanted)
            elif _move(kept[0], wanted):
                moved.append(kept[0])
            del kept[:1]
    gone = [passage.pk for left in stored.values() for passage in left]
    if gone:
        Passage.objects.filter(pk__in=gone).delete()
    Passage.objects.bulk_update(moved, ["ordinal", "start", "end"])
    Passage.objects.bulk_create(new)


def _move(passage: Passage, wanted: Passage) -> bool:
    """Take over the place of `wanted`, whose text is the same; return whether anything changed."""
    place = (wanted.ordinal, wanted.start, wanted.end)
    if (passage.ordinal, passage.start, passage.end) == place:
        return False
    passage.ordinal, passage.start, passage.end = place
    return True


def _images_replace(wanted: dict[int, list[ImageInput]]) -> None:
    rows = DocumentImage.objects.filter(document__in=wanted).order_by("pk").select_for_update()
    stored = {(image.document_id, image.blob_id): image for image in rows}
    new, moved = [], []
    for document_id, images in wanted.items():
        for ordinal, image in enumerate(images):
            kept = stored.pop((document_id, image.blob_id), None)
            if kept is None:
                new.append(_image(document_id, ordinal, image))
            elif (kept.ordinal, kept.alt) != (ordinal, image.alt):
                kept.ordinal, kept.alt = ordinal, image.alt
                moved.append(kept)
    if stored:
        DocumentImage.objects.filter(pk__in=[image.pk for image in stored.values()]).delete()
    DocumentImage.objects.bulk_update(moved, ["ordinal", "alt"])
    DocumentImage.objects.bulk_create(new)


def _image(document_id: int, ordinal: int, image: ImageInput) -> DocumentImage:
    return DocumentImage(
        document_id=document_id,
        ordinal=ordinal,
        blob_id=image.blob_id,
        width=image.width,
        height=image.height,
        alt=image.alt,
    )
