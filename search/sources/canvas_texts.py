"""Text on the pictures of a manifest's canvases, where the source wishes that it is read: they are pages, mostly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from search.importers.picture_texts import READ_BY
from search.importers.recognition import RecognitionOptions
from search.importers.scans import BARCODES_MAX
from search.services.document_fields import BODY_CHARACTERS_MAX
from workers.encoding.decoders import decoders
from workers.extraction.page_reading import PageReader
from workers.inference.errors import InferenceError
from workers.inference.ocr.reader import PageLineReader

if TYPE_CHECKING:
    from types import TracebackType

    from search.models import Collection
    from search.services.document_fields import DocumentFields
    from search.sources.options import PictureTextOptions


class CanvasTexts:
    """Reads the pictures of one manifest; its process starts with the first that is to be read."""

    def __init__(self, collection: Collection, wish: PictureTextOptions) -> None:
        recognition = RecognitionOptions.of(collection, wish)
        self._wished = wish.character_recognition is not None and recognition.reads_pages
        self._letters = recognition.letters
        self._reader: PageReader | None = None
        self._texts: list[str] = []
        self._codes: dict[str, None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reader is not None:
            self._reader.close()

    def add(self, data: bytes) -> None:
        """Read a picture as a page; one that cannot be read says nothing."""
        if not self._wished:
            return
        self._reader = self._reader or PageReader(decoders(patient=True), PageLineReader(self._letters))
        try:
            read = self._reader.read(data, 0)
        except InferenceError:
            return
        self._texts += [block.text for block in read.blocks]
        self._codes |= dict.fromkeys(read.identifiers)

    def behind(self, fields: DocumentFields) -> DocumentFields:
        """Return a document's fields with what was read behind its text, and what barcodes say."""
        codes = {"barcodes": list(self._codes)[:BARCODES_MAX]} if self._codes else {}
        read_by = READ_BY if self._texts else {}
        body = "\n\n".join(text for text in (fields.body, *self._texts) if text)
        return replace(fields, body=body[:BODY_CHARACTERS_MAX], metadata=fields.metadata | read_by | codes)
