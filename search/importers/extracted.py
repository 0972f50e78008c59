"""From what a file holds to the document that it becomes: one body with an outline, pages with places, figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from search.outline import Heading, Outline, ReadSpan
from search.services.document_fields import LENGTHS_MAX, TAGS_MAX, DocumentFields

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workers.extraction.types import Block, Extracted, Figure

BETWEEN_BLOCKS = "\n\n"
METADATA_VALUE_CHARACTERS_MAX = 2_000
_PLACES = 4

Box = tuple[float, ...]


@dataclass(frozen=True)
class Body:
    """A document's text, its outline, and the boxes of its blocks by page number."""

    text: str
    outline: Outline
    boxes: dict[int, list[Box]] = field(default_factory=dict)


def body_of(blocks: Sequence[Block], pages: int) -> Body:
    """Put blocks one behind the other. Passages begin at each page, and at each heading that follows other text."""
    parts: list[str] = []
    headings: list[Heading] = []
    page_starts, breaks = [0] * pages, set()
    boxes: dict[int, list[Box]] = {}
    read: list[ReadSpan] = []
    at, before = 0, None
    for block in blocks:
        text = " ".join(block.text.split()) if block.kind != "text" else block.text.strip()
        turned = before is not None and block.page != before.page
        if turned or (block.kind == "heading" and before is not None and before.kind != "heading"):
            breaks.add(at)
        if turned or before is None:
            _begin_pages(page_starts, before.page if before else 0, block.page, at)
        if block.picture or (before is not None and before.picture):
            breaks.add(at)
        if block.picture:
            read.append(ReadSpan(at, at + len(text), block.picture))
        if block.kind == "heading":
            headings.append(Heading(at, max(block.level, 1), text))
        if block.box and block.page:
            place = [round(side, _PLACES) for side in block.box]
            boxes.setdefault(block.page, []).append((at, at + len(text), *place))
        parts.append(text)
        at += len(text) + len(BETWEEN_BLOCKS)
        before = block
    _begin_pages(page_starts, before.page if before else 0, pages, at)
    outline = Outline(tuple(headings), tuple(page_starts), tuple(sorted(breaks - {0})), tuple(read))
    return Body(BETWEEN_BLOCKS.join(parts), outline, boxes)


def _begin_pages(starts: list[int], last: int, page: int, at: int) -> None:
    """Note that the pages behind `last`, up to `page`, begin at `at`."""
    for number in range(last + 1, min(page, len(starts)) + 1):
        starts[number - 1] = at


def fields_of(found: Extracted, body: str, name: str, barcodes: Sequence[str] = ()) -> DocumentFields:
    """Return what the document says of itself; its title is its first heading's, or its file's name's, at worst."""
    read = {"barcodes": list(barcodes)} if barcodes else {}
    heading = next((block.text for block in found.blocks if block.kind == "heading"), "")
    title = found.title or heading or PurePosixPath(name).stem
    return DocumentFields(
        title=" ".join(title.split())[: LENGTHS_MAX["title"]],
        body=body,
        tags=tuple(_tags(found.keywords)),
        metadata=_metadata(found, name) | read,
    )


def _tags(keywords: Iterable[str]) -> list[str]:
    words = (" ".join(word.split())[: LENGTHS_MAX["tag"]] for word in keywords)
    return list(dict.fromkeys(word for word in words if word))[:TAGS_MAX]


def _metadata(found: Extracted, name: str) -> dict[str, Any]:
    folder = str(PurePosixPath(name).parent)
    said = {
        "author": ", ".join(found.authors),
        "created": found.created,
        "language": found.language,
        "folder": "" if folder == "." else folder,
    }
    values = said | {key.strip()[:80]: value for key, value in found.metadata.items() if key.strip()}
    return {key: value[:METADATA_VALUE_CHARACTERS_MAX] for key, value in values.items() if value}


def alt_of(figure: Figure) -> str:
    """Return what is said of a figure: its caption, else the text near it."""
    return " ".join((figure.caption or figure.near).split())[: LENGTHS_MAX["alt"]]
