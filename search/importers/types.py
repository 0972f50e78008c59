"""What readers of import files yield, one item per document, in the file's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from search.services.document_fields import DocumentFields

Format: TypeAlias = Literal["jsonl", "json", "csv", "captions", "coco", "karpathy", "zip", "folder"]
FORMATS: tuple[Format, ...] = ("jsonl", "json", "csv", "captions", "coco", "karpathy", "zip", "folder")
Per: TypeAlias = Literal["caption", "picture"]


@dataclass(frozen=True)
class ImportOptions:
    """How to read a file: its format where detection is wrong, and of captions one document per which thing."""

    format: Format | None = None
    per: Per = "caption"


@dataclass(frozen=True)
class PictureRef:
    """A picture by the name that the file gives it."""

    name: str
    alt: str = ""


@dataclass(frozen=True)
class Record:
    """One document as read; `where` is what a person finds it by, such as `line 12`."""

    where: str
    external_id: str
    fields: DocumentFields
    pictures: tuple[PictureRef, ...] = ()


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, with an id for programs and a sentence for people."""

    error_id: str
    reason: str


@dataclass(frozen=True)
class Rejected:
    """One document that cannot be read, with everything that is wrong with it."""

    where: str
    problems: tuple[Problem, ...]


Item: TypeAlias = Record | Rejected


def rejected(where: str, error_id: str, reason: str) -> Rejected:
    """Return an item rejected for one reason."""
    return Rejected(where, (Problem(error_id, reason),))
