"""What a kind of unit is, and what each of the rooms needs of it: vectors, indexing, retrieval, API and pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor
    from dataclasses import Field
    from typing import Self

    from django.db.models import Model

    from search.models import DocumentImage
    from workers.inference.encoder import Encoder

Modality = Literal["text", "image"]
"""What a model's encoders take, by the names in its manifest."""


@dataclass(frozen=True)
class UnitFailure:
    """A unit that cannot be encoded, and why."""

    unit_id: int
    error_id: str
    reason: str


@dataclass(frozen=True)
class UnitBatch:
    """Units with what the encoder takes of them: texts or prepared pictures (`pictures.to_pixels`)."""

    ids: list[int]
    inputs: list[Any]
    failures: list[UnitFailure] = field(default_factory=list)


@dataclass(frozen=True)
class UnitReading:
    """For which encoder units are read, how many make a batch, and threads for what takes long."""

    encoder: Encoder
    size: int
    threads: Executor


class Reader(Protocol):
    """Reads units for the encoder."""

    def __call__(self, ids: Sequence[int], reading: UnitReading) -> Iterator[UnitBatch]:
        """Yield these units in batches of at most `reading.size`; those that are gone are left out."""
        ...


class TextSpan(NamedTuple):
    """Words, and where they stand in their document's body; 0, 0 where they stand elsewhere."""

    text: str
    start: int = 0
    end: int = 0

    def stands_in(self, body: str) -> bool:
        """Return whether the body has these words there; it may have moved on, or never had them."""
        return body[self.start : self.end] == self.text


class UnitAnswer(Protocol):
    """What the API says of a unit: a dataclass of texts and numbers, whose docstring and fields make the schema."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @classmethod
    def of(cls, unit: Any) -> Self:
        """Return what is said of this row."""
        ...


@dataclass(frozen=True)
class Shown:
    """How hits of a kind are presented.

    `label` and `icon` stand on the button that looks for them, `label_inside` and `plural` in sentences. `best`
    is the sentence that says that a document stands once in an answer. `address` is where a hit leads,
    if not to its document. `span` and `picture` are what a hit's card shows of a unit; with `cover`, the document's
    first picture stands beside it, or, of units that stand `on_page`, a column `page`, the picture of that page.
    Hits of units that stand `on_page` say the place on it (`search/units/places.py`).
    With `tiles` hits stand in a grid of pictures, which are shown `whole` or cut to fill their place.
    """

    answer: type[UnitAnswer]
    label: str
    icon: str
    plural: str
    label_inside: str
    best: str
    address: Callable[[Any], str] | None = None
    span: Callable[[Any], TextSpan] | None = None
    picture: Callable[[Any], DocumentImage] | None = None
    cover: bool = False
    on_page: bool = False
    tiles: bool = False
    whole: bool = False
    hits_a_page: int = 10


@dataclass(frozen=True)
class UnitKind:
    """A kind of unit.

    `name` (lower-case letters) is written into the names of vector tables, kept answers and failed items of jobs;
    `target` (at most ten letters) is what a search for this kind is called. `model` has a row for each unit, with a
    `document`; rows never change what is embedded of them. `where`, a condition in SQL on `unit`, says which of the
    rows are units, if not all. `modality` is the encoder that takes what `read` reads. Only versions whose manifest
    names the kind in `units` encode one that is `only_named`. `content` is the column that is equal where two units
    show the same; without one, near-duplicates of this kind are not looked for. Words and identifiers find the unit
    that stands `at_passage`, a condition in SQL on `unit` and `passage`; without one, a document's first unit.
    """

    name: str
    target: str
    model: type[Model]
    modality: Modality
    read: Reader
    shown: Shown
    where: str = ""
    at_passage: str = ""
    only_named: bool = False
    content: str = ""

    @property
    def table(self) -> str:
        """Return the name of the units' table."""
        return self.model._meta.db_table

    @property
    def rows(self) -> Any:
        """Return a QuerySet of the units' table."""
        return self.model._default_manager.all()
