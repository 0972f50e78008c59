"""Text in figures and photographs, where that is wished: read, and put where the figure stands."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from search.importers.extracted import alt_of
from workers.encoding.decoders import decoders
from workers.extraction.types import Block
from workers.inference.errors import InferenceError
from workers.inference.ocr.reader import JOB_SECONDS, PhotoReader, ReadingError, ReadingLimits
from workers.inference.ocr.types import LONGEST_SIDE_PX

if TYPE_CHECKING:
    from search.importers.recognition import RecognitionOptions
    from workers.extraction.extractor import Found
    from workers.extraction.types import Extracted, Figure

UNNAMED = "picture"
READ_BY = {"text_read_by": "character recognition"}
"""In the metadata of a photograph whose text holds what was read in it."""


@dataclass
class PictureText:
    """What stands in pictures: lines, and what barcodes say."""

    text: str = ""
    codes: list[str] = field(default_factory=list)


class PictureTexts:
    """Reads the figures and photographs of one import, where that is wished."""

    def __init__(self, recognition: RecognitionOptions) -> None:
        self._wished = recognition.reads_pictures
        self._reader: PhotoReader | None = None

    def close(self) -> None:
        """End the process that reads."""
        if self._reader is not None:
            self._reader.close()

    def of(self, data: bytes) -> PictureText:
        """Return what stands in a picture; nothing where it cannot be read, or is not to be."""
        if not self._wished:
            return PictureText()
        try:
            picture = decoders(patient=True).thumbnail(data, LONGEST_SIDE_PX).image
            self._reader = self._reader or PhotoReader(ReadingLimits(JOB_SECONDS))
            found = self._reader.read(picture)
        except (InferenceError, ReadingError):
            return PictureText()
        lines = "\n".join(one.text for one in found if one.kind == "line")
        return PictureText(lines, list(dict.fromkeys(one.text for one in found if one.kind == "barcode")))

    def with_text(self, found: Found, extracted: Extracted) -> tuple[Extracted, list[str]]:
        """Return what was extracted with the text of its figures, each behind the block that it follows; and codes.

        Figures of scanned pages are not read again: their words are among the page's.
        """
        scanned = {page.number for page in extracted.pages if not page.has_text}
        codes: list[str] = []
        behind: dict[int, list[Block]] = defaultdict(list)
        for figure in extracted.figures if self._wished else ():
            if figure.file and figure.page not in scanned:
                read = self.of(found.data(figure.file))
                codes += read.codes
                if read.text:
                    behind[min(figure.after, len(extracted.blocks))].append(_block(figure, read.text))
        blocks = list(behind[0])
        for count, block in enumerate(extracted.blocks, start=1):
            blocks += [block, *behind.get(count, ())]
        return replace(extracted, blocks=tuple(blocks)), codes


def _block(figure: Figure, text: str) -> Block:
    return Block("text", text, page=figure.page, box=figure.box, read=True, picture=alt_of(figure) or UNNAMED)
