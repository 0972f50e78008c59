"""PDF, by PDFium: text with its places, tables' rows, figures with their captions, every page as a picture."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pypdfium2 as pdfium

from workers.extraction.formats.pdf_figures import figures_of, largest_picture
from workers.extraction.formats.pdf_forms import form_values
from workers.extraction.formats.pdf_layout import PageText, blocks_of
from workers.extraction.formats.pdf_lines import lines_of
from workers.extraction.formats.pdf_pages import rendered
from workers.extraction.types import Attached, Extracted, Figure, FilePage
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workers.extraction.formats.pdf_figures import Placed
    from workers.extraction.output import Output
    from workers.extraction.types import Block

CHARACTERS_OF_TEXT = 25
SCANS_SHARE = 0.5
"""A page with fewer characters than these, most of which is a picture, is a scan with a stamp or a page number."""

_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)(\d\d)?)?")
_PROGRAMS_TITLES = re.compile(
    r"(?i)^(microsoft \w+ - .*|untitled.*|.*\.(docx?|pptx?|xlsx?|pdf|indd|tex|dvi|ps))$"
)
_PASSWORD = 4
_END, _END_BYTES = b"%%EOF", 2048


def read(file: Path, out: Output) -> Extracted:
    """Return what the PDF holds. Raises FileError `file.encrypted`, `file.damaged`, `file.too_much`."""
    with closing(_opened(file)) as document:
        if len(document) > out.limits.pages:
            raise FileError("file.too_much/pages", limit=out.limits.pages)
        document.init_forms()
        texts, pages, placed = [], [], []
        for number in range(1, len(document) + 1):
            text, page, found = _read_page(document, number, out)
            texts.append(text)
            pages.append(page)
            placed += found
        blocks = blocks_of(texts, _bookmarks(document))
        return _extracted(document, blocks, pages, _figures(placed, blocks), out)


def _opened(file: Path) -> pdfium.PdfDocument:
    _forget_last_error()
    try:
        return pdfium.PdfDocument(file)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD:
            raise FileError("file.encrypted") from error
        raise FileError("file.damaged", reason=_damage_of(file)) from error


def _damage_of(file: Path) -> str:
    """Say in words what is wrong with a PDF that cannot be opened: the end of one that is cut off is not there."""
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - _END_BYTES))
        is_whole = _END in opened.read()
    return (
        "what a PDF needs is missing in it" if is_whole else "its end is missing, so it may have been cut off"
    )


def _forget_last_error() -> None:
    """Fail once in another way: PDFium gives some files no reason, and the last file's would be taken for theirs."""
    with suppress(pdfium.PdfiumError):
        pdfium.PdfDocument(b"no PDF")


def _read_page(
    document: pdfium.PdfDocument, number: int, out: Output
) -> tuple[PageText, FilePage, list[Placed]]:
    """Return a page's lines, its row and its figures; one that is damaged is empty, and the others are read."""
    try:
        with closing(document[number - 1]) as page:
            lines = lines_of(page)
            lines += form_values(document, page)
            out.count_characters(sum(len(line.text) for line in lines))
            has_text = _has_text(page, sum(len(line.text) for line in lines))
            figures = figures_of(page, number, out, lines)
            width, height = page.get_size()
            image = rendered(page, out, has_text=has_text)
            return PageText(number, lines), FilePage(number, width, height, image, has_text), figures
    except pdfium.PdfiumError:
        return PageText(number, []), FilePage(number, 0, 0), []


def _has_text(page: pdfium.PdfPage, characters: int) -> bool:
    """Tell a page of text, if only a title, from a scan, which may have a stamp or a number over its picture."""
    if not characters:
        return False
    return characters >= CHARACTERS_OF_TEXT or largest_picture(page) < SCANS_SHARE


def _figures(placed: list[Placed], blocks: tuple[Block, ...]) -> tuple[Figure, ...]:
    """Put each figure behind the blocks of its page that stand above it."""
    starts: dict[int, list[tuple[int, float]]] = {}
    for index, block in enumerate(blocks):
        top = block.box[1] if block.box else 0.0
        starts.setdefault(block.page, []).append((index, top))
    return tuple(_figure(one, starts.get(one.page, [])) for one in placed)


def _figure(placed: Placed, on_page: list[tuple[int, float]]) -> Figure:
    after = max(
        (index + 1 for index, top in on_page if top < placed.box[1]), default=on_page[0][0] if on_page else 0
    )
    return Figure(placed.file, placed.caption, placed.near, placed.page, after, box=placed.box)


def _extracted(
    document: pdfium.PdfDocument,
    blocks: tuple[Block, ...],
    pages: list[FilePage],
    figures: tuple[Figure, ...],
    out: Output,
) -> Extracted:
    said = document.get_metadata_dict(skip_empty=True)
    title = said.get("Title", "").strip()
    return Extracted(
        title="" if _PROGRAMS_TITLES.match(title) else title,
        authors=tuple(name for name in (said.get("Author", "").strip(),) if name),
        created=_date(said.get("CreationDate", "")),
        keywords=tuple(word for word in _words(said.get("Keywords", ""))),
        metadata={"subject": said["Subject"].strip()} if said.get("Subject", "").strip() else {},
        blocks=blocks,
        pages=tuple(pages),
        figures=figures,
        attached=tuple(_attached(document, out)),
    )


def _words(keywords: str) -> Iterator[str]:
    for part in re.split(r"[,;]", keywords):
        if part.strip():
            yield part.strip()


def _date(written: str) -> str:
    """Return `2024-05-31T12:00:00` for `D:20240531120000+02'00'`, whose zone is dropped: it is a date for people."""
    found = _DATE.match(written)
    if not found:
        return ""
    year, month, day, hour, minute, second = found.groups()
    date = f"{year}-{month or '01'}-{day or '01'}"
    return f"{date}T{hour}:{minute}:{second or '00'}" if hour else date


def _bookmarks(document: pdfium.PdfDocument) -> dict[tuple[int, str], int]:
    """Return the levels of the document's bookmarks by page number and words."""
    found = {}
    try:
        for mark in document.get_toc(max_depth=6):
            target = mark.get_dest()
            index = target.get_index() if target else None
            if index is not None:
                found[index + 1, _folded(mark.get_title())] = min(mark.level + 1, 6)
    except pdfium.PdfiumError:
        pass
    return found


def _folded(title: str) -> str:
    return " ".join(title.split()).casefold()


def _attached(document: pdfium.PdfDocument, out: Output) -> Iterator[Attached]:
    count = document.count_attachments()
    if count > out.limits.attached:
        raise FileError("file.too_much/attached", limit=out.limits.attached)
    for index in range(count):
        attachment = document.get_attachment(index)
        try:
            data = bytes(attachment.get_data())
        except pdfium.PdfiumError:
            continue
        yield Attached(attachment.get_name(), out.put(data))
