"""What a reader takes out of a document's file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, cast

BlockKind: TypeAlias = Literal["heading", "text", "row"]
BLOCK_KINDS: tuple[BlockKind, ...] = ("heading", "text", "row")
CELLS_BETWEEN = " | "
"""Stands between the cells of a row. A line with it is never cut (`search/splitting.py`)."""

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width and height as fractions of the upright page."""

LEVELS_MAX = 6


@dataclass(frozen=True)
class Block:
    """A paragraph, a heading or a row of a table, in reading order.

    `level`: of a heading, 1 to 6. `page`: from 1; 0 in formats that have none. `box`: where it stands on its page,
    where that is known. `read`: by character recognition. A row's cells are joined by `CELLS_BETWEEN`, each with its
    column's name before it where the table has a header: `Part: Impeller | Number: KX-204/B`. `picture`: of text that
    was read in a figure, what the document says of the figure, or “picture”.
    """

    kind: BlockKind
    text: str
    level: int = 0
    page: int = 0
    box: Box | None = None
    read: bool = False
    picture: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture in the document, kept by `Output.put` as `file`.

    `source`: of a picture that is a file of its own beside a saved page, which the page's reader cannot open: its path
    from the page's folder, as the page says it. `file` is empty then. It may lead out of the folder (`../../x.png`) or
    begin at the site's root (`/x.png`): whoever resolves it checks where it leads.
    `caption`: what the document says of it; `near`: text beside it. `after`: how many blocks come before it. `box`:
    where it stands on its page, where that is known.
    """

    file: str
    caption: str = ""
    near: str = ""
    page: int = 0
    after: int = 0
    source: str = ""
    box: Box | None = None


@dataclass(frozen=True)
class FilePage:
    """A page: its number from 1, its size in points, upright; its picture, kept by `Output.put` (JPEG or PNG).

    `has_text` is false where it has no text of its own, as a scan: its picture is read by character recognition.
    """

    number: int
    width: float
    height: float
    image: str = ""
    has_text: bool = True


@dataclass(frozen=True)
class Attached:
    """A file inside the file, kept by `Output.put` as `file`: an attachment of a message, a member of an archive.

    It becomes a document of its own. `name` is what it is called there; it is not checked.
    """

    name: str
    file: str


@dataclass(frozen=True)
class Extracted:
    """All that a reader found.

    `created`: ISO 8601 date or time, as the file says. `language`: BCP 47, as the file says. `metadata`: further
    fields by name (`sender`, `camera`), plain texts. `notes`: what was left out, a sentence each for a person.
    """

    title: str = ""
    authors: tuple[str, ...] = ()
    created: str = ""
    language: str = ""
    keywords: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    figures: tuple[Figure, ...] = ()
    pages: tuple[FilePage, ...] = ()
    attached: tuple[Attached, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, values: Any) -> Extracted:
        """Return what `to_json` gave; raises ValueError, TypeError or KeyError for anything else.

        The process that gave it read what strangers sent, and may have been taken over: all is checked.
        """
        return cls(
            title=_text(values["title"]),
            authors=_texts(values["authors"]),
            created=_text(values["created"]),
            language=_text(values["language"]),
            keywords=_texts(values["keywords"]),
            metadata={_text(key): _text(value) for key, value in dict(values["metadata"]).items()},
            blocks=tuple(map(_block, values["blocks"])),
            figures=tuple(map(_figure, values["figures"])),
            pages=tuple(map(_page, values["pages"])),
            attached=tuple(Attached(_text(one["name"]), _text(one["file"])) for one in values["attached"]),
            notes=_texts(values["notes"]),
        )


def _block(values: Any) -> Block:
    kind = values["kind"]
    if kind not in BLOCK_KINDS:
        raise ValueError("there is no block of this kind")
    level = min(max(int(values["level"]), 0), LEVELS_MAX)
    box = None if values["box"] is None else _box(values["box"])
    return Block(
        cast("BlockKind", kind),
        _text(values["text"]),
        level,
        _count(values["page"]),
        box,
        bool(values["read"]),
    )


def _figure(values: Any) -> Figure:
    return Figure(
        _text(values["file"]),
        _text(values["caption"]),
        _text(values["near"]),
        _count(values["page"]),
        _count(values["after"]),
        _text(values["source"]),
        None if values["box"] is None else _box(values["box"]),
    )


def _page(values: Any) -> FilePage:
    width, height = float(values["width"]), float(values["height"])
    return FilePage(_count(values["number"]), width, height, _text(values["image"]), bool(values["has_text"]))


def _box(values: Any) -> Box:
    left, top, width, height = (min(max(float(side), 0.0), 1.0) for side in values)
    return left, top, width, height


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("this is no count")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(map(_text, values))


def _text(value: Any) -> str:
    """Return a text without what no database keeps: NUL, halves of surrogate pairs."""
    if not isinstance(value, str):
        raise TypeError("this is no text")
    return value.replace("\0", "").encode(errors="replace").decode()
