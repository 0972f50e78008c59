"""Pages without text of their own: their pictures are read, and what stands on them takes its place in the text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from search.models import Collection
from workers.encoding.decoders import decoders
from workers.extraction.page_reading import PageReader
from workers.inference.errors import InferenceError
from workers.inference.ocr.reader import PageLineReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.extraction.extractor import Found
    from workers.extraction.page_reading import PageRead
    from workers.extraction.types import Extracted
    from workers.inference.ocr.types import Script

OTHER_LETTERS = frozenset(
    {"simple", "arabic", "armenian", "greek", "hindi", "nepali", "russian", "serbian", "tamil", "yiddish"}
)
"""Languages whose texts may hold other letters than Latin ones."""
BARCODES_MAX = 50


class Scans:
    """Reads the pages of one import's files that have no text, as the collection wishes."""

    def __init__(self, collection: Collection) -> None:
        self._wished = collection.character_recognition != Collection.Recognition.NONE
        self._script: Script = "any" if collection.language in OTHER_LETTERS else "latin"
        self._reader: PageReader | None = None

    def close(self) -> None:
        """End the process that reads."""
        if self._reader is not None:
            self._reader.close()

    def with_text(self, found: Found) -> tuple[Extracted, list[str]]:
        """Return what was extracted with the text of its scanned pages, and what their barcodes say.

        A note tells of pages that could not be read.
        """
        extracted = found.extracted
        if not self._wished or all(page.has_text for page in extracted.pages):
            return extracted, []
        read = dict(self._pages(found))
        own = (block for block in extracted.blocks if block.page not in read or not read[block.page].blocks)
        blocks = [*own, *(block for page in read.values() for block in page.blocks)]
        codes = dict.fromkeys(code for page in read.values() for code in page.identifiers)
        unread = sum(not page.has_text and page.number not in read for page in extracted.pages)
        with_text = replace(
            extracted,
            blocks=tuple(sorted(blocks, key=lambda block: block.page)),
            notes=(*extracted.notes, *_unread(unread)),
        )
        return with_text, list(codes)[:BARCODES_MAX]

    def _pages(self, found: Found) -> Iterator[tuple[int, PageRead]]:
        """Yield what was read on each page that could be read, by its number."""
        for page in found.extracted.pages:
            if page.has_text or not page.image:
                continue
            try:
                yield page.number, self._read(found.data(page.image), page.number)
            except InferenceError:
                continue

    def _read(self, data: bytes, number: int) -> PageRead:
        if self._reader is None:
            self._reader = PageReader(decoders(patient=True), PageLineReader(self._script))
        return self._reader.read(data, number)


def _unread(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (f"{count} scanned page{'s' if count > 1 else ''} could not be read.",)
