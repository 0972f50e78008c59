"""Pages without text of their own, as scans: their pictures are decoded and read, each in a sandboxed process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from workers.extraction.page_figures import cut_out_figures
from workers.extraction.page_layout import blocks_of_page
from workers.inference.errors import PictureError
from workers.inference.ocr.reader import PageLineReader, ReadingError, ReadingTimeoutError
from workers.inference.ocr.types import PAGE_LONGEST_SIDE_PX

if TYPE_CHECKING:
    from types import TracebackType

    from workers.extraction.page_figures import CutOut
    from workers.extraction.types import Block
    from workers.inference.decoding.pool import Decoders
    from workers.inference.ocr.types import TextRead
    from workers.inference.sandbox.process import SandboxProcess


@dataclass(frozen=True)
class PageRead:
    """What was read on a page.

    `blocks`: in reading order, `read` set, their boxes as fractions of the picture as it was given. `identifiers`:
    what its barcodes say. `turned`: by how many degrees, clockwise, the picture must be turned to stand upright.
    `confidence`: the mean over all characters, 0 where there are none. `figures`: from top to bottom.
    """

    blocks: tuple[Block, ...] = ()
    identifiers: tuple[str, ...] = ()
    turned: int = 0
    confidence: float = 0.0
    figures: tuple[CutOut, ...] = ()


class PageReader:
    """Reads pictures of pages. It belongs to one thread; its process starts with the first page.

    `decoders`: a job's are patient ones, `workers.encoding.decoders.decoders(patient=True)`.
    """

    def __init__(self, decoders: Decoders, lines: PageLineReader | None = None) -> None:
        self._decoders = decoders
        self._lines = lines or PageLineReader()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process(self) -> SandboxProcess | None:
        """The reading process, while there is one."""
        return self._lines.process

    def read(self, data: bytes, page: int) -> PageRead:
        """Return what stands on the picture of a page, which is the document's page of number `page`.

        Raises PictureError `image.*` where it cannot be decoded, `image.timeout` or `image.crashed` where it could not
        be read; the next picture is read by a new process.
        """
        picture = self._decoders.thumbnail(data, PAGE_LONGEST_SIDE_PX).image
        try:
            found = self._lines.read(picture)
        except ReadingTimeoutError as error:
            raise PictureError("image.timeout", limit_seconds=self._lines.limits.call_seconds) from error
        except ReadingError as error:
            raise PictureError("image.crashed", reason="reader") from error
        identifiers = tuple(dict.fromkeys(code.text for code in found.codes))
        blocks = blocks_of_page(found, picture.size, page)
        figures = tuple(cut_out_figures(found, picture))
        return PageRead(blocks, identifiers, found.turned, _confidence(found.lines), figures)

    def close(self) -> None:
        """End the process."""
        self._lines.close()


def _confidence(lines: tuple[TextRead, ...]) -> float:
    characters = sum(len(line.text) for line in lines)
    certain = sum(line.confidence * len(line.text) for line in lines)
    return round(certain / characters, 3) if characters else 0.0
