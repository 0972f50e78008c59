"""Text on the pictures of a manifest's canvases, where the source wishes that it is read: they are pages, mostly."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from search.importers.picture_texts import READ_BY
from search.importers.recognition import RecognitionOptions
from search.importers.scans import BARCODES_MAX
from search.services.document_fields import BODY_CHARACTERS_MAX
from workers.encoding.decoders import decoders
from workers.extraction.page_reading import PageRead, PageReader
from workers.inference.errors import InferenceError
from workers.inference.ocr.reader import PageLineReader

if TYPE_CHECKING:
    from search.models import Collection
    from search.services.document_fields import DocumentFields
    from search.sources.options import PictureTextOptions


@dataclass
class CanvasReader:
    """Reads the pictures of one manifest after another in one process, which starts with the first to be read."""

    wish: PictureTextOptions
    _reader: PageReader | None = None

    def read(self, data: bytes, collection: Collection) -> PageRead:
        """Return what stands on a picture as on a page; nothing where it cannot be read, or is not to be."""
        recognition = RecognitionOptions.of(collection, self.wish)
        if self.wish.character_recognition is None or not recognition.reads_pages:
            return PageRead()
        if self._reader is None:
            self._reader = PageReader(decoders(patient=True), PageLineReader(recognition.letters))
        try:
            return self._reader.read(data, 0)
        except InferenceError:
            return PageRead()

    def close(self) -> None:
        """End the process."""
        if self._reader is not None:
            self._reader.close()


@dataclass
class CanvasTexts:
    """What stands on the pictures of one manifest, in their order."""

    _texts: list[str] = field(default_factory=list)
    _codes: dict[str, None] = field(default_factory=dict)

    def add(self, read: PageRead) -> None:
        """Add what stands on the next picture."""
        self._texts += [block.text for block in read.blocks]
        self._codes |= dict.fromkeys(read.identifiers)

    def behind(self, fields: DocumentFields) -> DocumentFields:
        """Return a document's fields with what was read behind its text, and what barcodes say."""
        codes = {"barcodes": list(self._codes)[:BARCODES_MAX]} if self._codes else {}
        read_by = READ_BY if self._texts else {}
        body = "\n\n".join(text for text in (fields.body, *self._texts) if text)
        return replace(fields, body=body[:BODY_CHARACTERS_MAX], metadata=fields.metadata | read_by | codes)
