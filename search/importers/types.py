"""What readers of import files yield, one item per document, in the file's order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from search.importers.mapping import columns_key
from workers.formats.problems import Problem, problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.importers.mapping import TableMapping
    from search.services.document_fields import DocumentFields

Format: TypeAlias = Literal["jsonl", "json", "csv", "captions", "coco", "karpathy", "zip", "folder", "file"]
FORMATS: tuple[Format, ...] = (
    "jsonl",
    "json",
    "csv",
    "captions",
    "coco",
    "karpathy",
    "zip",
    "folder",
    "file",
)
Per: TypeAlias = Literal["caption", "picture"]
ExtraColumns: TypeAlias = Literal["refuse", "metadata", "ignore"]
EXTRA_COLUMNS: tuple[ExtraColumns, ...] = ("refuse", "metadata", "ignore")
CharacterRecognition: TypeAlias = Literal["none", "pages", "all"]
CHARACTER_RECOGNITION: tuple[CharacterRecognition, ...] = ("none", "pages", "all")
Letters: TypeAlias = Literal["latin", "any"]
LETTERS: tuple[Letters, ...] = ("latin", "any")


@dataclass(frozen=True)
class ImportOptions:
    """How to read a file.

    format: where detection is wrong; `file` makes a document of each file, tables too. per: of captions, one document
    for each of these; None is a picture where the pictures come along, else a caption. extra_columns: what becomes of
    columns and keys that are no field. table: the file of a zip or folder that lists the documents, if several could.
    mapping: what the columns of a table become, as JSON (`mapping.py`); None is the one that the collection keeps.
    character_recognition: which pictures of text are read; None is as the collection says. letters: which ones they
    are read in; None goes by the collection's language.
    """

    format: Format | None = None
    per: Per | None = None
    extra_columns: ExtraColumns = "refuse"
    table: str | None = None
    mapping: dict[str, Any] | None = None
    character_recognition: CharacterRecognition | None = None
    letters: Letters | None = None


COLUMNS_NAMED_MAX = 100


@dataclass(frozen=True)
class Reading:
    """How the documents of one file are read, which of its columns were left out, and by which mappings it was read."""

    per: Per = "caption"
    extra_columns: ExtraColumns = "refuse"
    ignored: dict[str, None] = field(default_factory=dict)
    used: dict[str, tuple[TableMapping, list[str]]] = field(default_factory=dict)

    def use(self, mapping: TableMapping, names: list[str]) -> None:
        """Remember by which mapping a table of these columns is read."""
        self.used[columns_key(names)] = (mapping, names)

    def take_over(self, other: Reading) -> None:
        """Remember what another remembered: of a zip inside."""
        self.ignore(other.ignored)
        self.used.update(other.used)

    def ignore(self, names: Iterable[str]) -> None:
        """Remember columns or keys that are left out, up to a hundred of them."""
        for name in names:
            if len(self.ignored) >= COLUMNS_NAMED_MAX:
                return
            self.ignored[name[:60]] = None


@dataclass(frozen=True)
class PictureRef:
    """A picture by the name that the file gives it."""

    name: str
    alt: str = ""


@dataclass(frozen=True)
class Record:
    """One document as read; `where` is what a person finds it by, such as `line 12`.

    `alone`: a picture of which the import says nothing, so that its own metadata may.
    """

    where: str
    external_id: str
    fields: DocumentFields
    pictures: tuple[PictureRef, ...] = ()
    alone: bool = False


@dataclass(frozen=True)
class DocumentFileItem:
    """A file that is a document itself, such as a PDF, by its name among the import's files."""

    where: str
    external_id: str
    name: str


@dataclass(frozen=True)
class FileWarning:
    """Something that was left out or may be unexpected, and does not stop the import."""

    id: str
    message: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rejected:
    """One document that cannot be read, with everything that is wrong with it."""

    where: str
    problems: tuple[Problem, ...]


Item: TypeAlias = Record | DocumentFileItem | Rejected


def rejected(where: str, name: str, /, **facts: Any) -> Rejected:
    """Return an item rejected for one reason, by the name of its sentence in the table of errors."""
    return Rejected(where, (problem(name, **facts),))
