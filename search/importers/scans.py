"""Pages without text of their own: their pictures are read, and what stands on them takes its place in the text.

Pictures on such pages are cut out and become figures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from search.services.document_fields import FIGURES_MAX
from workers.encoding.decoders import decoders
from workers.extraction.page_reading import PageReader
from workers.extraction.types import Figure
from workers.inference.errors import InferenceError
from workers.inference.ocr.reader import PageLineReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from search.importers.recognition import RecognitionOptions
    from workers.extraction.extractor import Found
    from workers.extraction.page_reading import PageRead
    from workers.extraction.types import Block, Extracted

BARCODES_MAX = 50


@dataclass(frozen=True)
class ScansRead:
    """A file with the text of its scans. `unread`: numbers of the pages without text on which nothing could be read."""

    extracted: Extracted
    codes: tuple[str, ...] = ()
    unread: frozenset[int] = frozenset()


@dataclass(frozen=True)
class _Page:
    """What was read on a page, without the pixels."""

    blocks: tuple[Block, ...]
    identifiers: tuple[str, ...]
    figures: tuple[Figure, ...]

    @property
    def says(self) -> bool:
        """Whether anything was read."""
        return bool(self.blocks or self.identifiers)


class Scans:
    """Reads the pages of one import's files that have no text, where that is wished."""

    def __init__(self, recognition: RecognitionOptions) -> None:
        self._wished = recognition.reads_pages
        self._script = recognition.letters
        self._reader: PageReader | None = None

    def close(self) -> None:
        """End the process that reads."""
        if self._reader is not None:
            self._reader.close()

    def with_text(self, found: Found) -> ScansRead:
        """Return what was extracted with the text and figures of its scanned pages, and what their barcodes say."""
        extracted = found.extracted
        scanned = [page.number for page in extracted.pages if not page.has_text]
        if not self._wished or not scanned:
            return ScansRead(extracted)
        read = dict(self._pages(found))
        own = (block for block in extracted.blocks if block.page not in read or not read[block.page].blocks)
        blocks = sorted([*own, *chain.from_iterable(page.blocks for page in read.values())], key=_page)
        codes = dict.fromkeys(code for page in read.values() for code in page.identifiers)
        figures = (figure for page in read.values() for figure in page.figures)
        with_text = replace(
            extracted,
            blocks=tuple(blocks),
            figures=tuple(sorted([*extracted.figures, *_placed(figures, blocks)], key=_page))[:FIGURES_MAX],
            notes=(*extracted.notes, *_unread(sum(number not in read for number in scanned))),
        )
        unread = frozenset(number for number in scanned if number not in read or not read[number].says)
        return ScansRead(with_text, tuple(codes)[:BARCODES_MAX], unread)

    def _pages(self, found: Found) -> Iterator[tuple[int, _Page]]:
        """Yield what was read on each page that could be read, by its number; its figures are kept with the file's."""
        for page in found.extracted.pages:
            if page.has_text or not page.image:
                continue
            try:
                read = self._read(found.data(page.image), page.number)
            except InferenceError:
                continue
            figures = tuple(
                Figure(found.add(cut.data), cut.caption, cut.near, page.number, box=cut.box)
                for cut in read.figures
            )
            yield page.number, _Page(read.blocks, read.identifiers, figures)

    def _read(self, data: bytes, number: int) -> PageRead:
        if self._reader is None:
            self._reader = PageReader(decoders(patient=True), PageLineReader(self._script))
        return self._reader.read(data, number)


def _page(one: Block | Figure) -> int:
    return one.page


def _placed(figures: Iterable[Figure], blocks: Sequence[Block]) -> Iterator[Figure]:
    """Put each figure behind the blocks of its page that stand above it."""
    for figure in figures:
        place = (figure.page, figure.box[1] if figure.box else 0.0)
        before = [(block.page, block.box[1] if block.box else 0.0) < place for block in blocks]
        yield replace(figure, after=sum(before))


def _unread(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (f"{count} scanned page{'s' if count > 1 else ''} could not be read.",)
