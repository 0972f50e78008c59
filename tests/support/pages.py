"""Documents with pictures and kept queries, for tests of what people see."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from PIL import Image

from models_admin.models import ModelVersion
from search.models import Collection, Document, Query
from search.services.document_fields import DocumentFields, image_input
from search.services.documents import document_save
from search.thumbnails import thumbnails_store
from tests.support.corpus import make_version
from tests.support.queries import make_query
from workers.inference.pictures import open_picture

if TYPE_CHECKING:
    from collections.abc import Sequence


def shown_page(response: Any) -> str:
    """A page with each run of white space as one blank, as a browser lays it out."""
    return " ".join(response.content.decode().split())


def picture_bytes(colour: str | tuple[int, int, int] = "red", size: tuple[int, int] = (1200, 900)) -> bytes:
    """A JPEG of one colour."""
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, "JPEG")
    return target.getvalue()


def save_document(
    collection: Collection,
    external_id: str,
    *,
    pictures: Sequence[bytes] = (),
    thumbnails: bool = True,
    **fields: Any,
) -> Document:
    """A document as an import writes it, with the thumbnails that a worker makes."""
    images = [image_input(data, collection, size=open_picture(data).size) for data in pictures]
    if thumbnails:
        for image, data in zip(images, pictures, strict=True):
            thumbnails_store(image.blob_id, open_picture(data))
    return document_save(
        collection=collection, external_id=external_id, fields=DocumentFields(**fields), images=images
    )[0]


def kept_query(documents: Sequence[Document], **fields: Any) -> Query:
    """A text query whose answer is these documents in this order, each with its first passage."""
    version = ModelVersion.objects.first() or make_version()
    answer = []
    for rank, document in enumerate(documents):
        passage = document.passages.first()
        answer.append(
            {
                "document": document.pk,
                "passage": passage.pk if passage else None,
                "image": None,
                "score": 0.9 - rank / 100,
            }
        )
    return make_query(
        **{"modality": "text", "text": "a valve", "version": version, "answer": answer, **fields}
    )
