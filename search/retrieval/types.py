"""What passes between the stages `encode → retrieve → fuse → group → calibrate → present → keep`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, get_args

from search.units.passage import PASSAGE
from workers.inference.framing import FramedPicture, Framing

if TYPE_CHECKING:
    import uuid

    import numpy as np
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.models import Query
    from search.querysets import Viewer
    from search.vectors.tables import VectorTable
    from workers.inference.framing import Crop
    from workers.inference.ocr.types import TextRead

Modality = Literal["image", "text", "document", "embedding"]
AskedBy = Modality | Literal["composed"]
"""The modality of the one part, or that there are several."""
Mode = Literal["auto", "dense", "lexical", "hybrid"]
MODES: tuple[Mode, ...] = ("auto", "dense", "lexical", "hybrid")
RetrieverName = Literal["dense", "identifiers", "lexical"]
RETRIEVER_NAMES: tuple[RetrieverName, ...] = get_args(RetrieverName)
Strength = Literal["weak", "fair", "strong"]
"""How much speaks for a hit; weak ones are less relevant than what answers usually begin with."""
STRENGTHS: tuple[Strength, ...] = get_args(Strength)
Match = Literal["good", "weak", "none"]
"""Whether anything fits a query: by its strongest hit."""
MATCHES: tuple[Match, ...] = get_args(Match)
Target = str
"""What is looked for: the `target` of a kind of unit."""
SearchWarning = dict[str, Any]
"""`{"id", "message", "detail"}`: what did not stop a search but should be known of its answer."""
KNOWS_WHOLE_WORDS = "nltk-words"
MENDED = "text.mended"
"""The warning that misspelt words were mended."""
AS_WRITTEN = "text.as_written"
"""The warning that words which look misspelt were searched for as they are."""
LIMIT_MAX = 100
LIMIT_DEFAULT = 10
PARTS_MAX = 8


@dataclass(frozen=True)
class SentBefore:
    """The kept search with which a photo or a vector came in, and the photo's kept copy."""

    query_id: uuid.UUID
    preview_id: str | None = None
    digest: str = ""


@dataclass(frozen=True)
class ImagePart:
    """A picture's file, which part of it counts (see `Framing`), and what was read in it, None where nobody asked.

    A part's weight is from −1 to 1; a negative one leads away from it. `sent`: None for a new picture.
    """

    data: bytes
    weight: float = 1.0
    crop: Crop | None = None
    turn: int = 0
    read: tuple[TextRead, ...] | None = None
    sent: SentBefore | None = field(default=None, compare=False)
    modality: ClassVar[Modality] = "image"

    @cached_property
    def picture(self) -> FramedPicture:
        """What an encoder is asked for."""
        return FramedPicture(self.data, Framing(self.turn, self.crop))


@dataclass(frozen=True)
class TextPart:
    """Words."""

    text: str
    weight: float = 1.0
    modality: ClassVar[Modality] = "text"


@dataclass(frozen=True)
class DocumentPart:
    """A document: more like this."""

    document_id: int
    weight: float = 1.0
    modality: ClassVar[Modality] = "document"


@dataclass(frozen=True)
class EmbeddingPart:
    """A vector of the version that is searched with, which is named as `name@number` then."""

    vector: tuple[float, ...]
    weight: float = 1.0
    sent: SentBefore | None = field(default=None, compare=False)
    modality: ClassVar[Modality] = "embedding"


Part: TypeAlias = ImagePart | TextPart | DocumentPart | EmbeddingPart


@dataclass(frozen=True)
class SearchRequest:
    """One search as asked: by its parts, 1 to `PARTS_MAX`, of which one at least has a weight above 0.

    `viewer` is whose permissions count; `session` names an anonymous searcher; `collections` are slugs (empty:
    all that are visible); `filters` has values by names of search/filters; `sort` is the order of the documents that
    were found (search/retrieval/sort.py); `limit` counts documents;
    `cursor` is the `next` of an earlier answer, which needs no parts; `model` an alias or `name@number`; `preview_px`
    is the longest side of the kept query photo; `or_pictures` lets pictures be searched where there are no passages;
    `collapse` lets one document stand for those that are nearly the same; `mode` chooses the retrievers (modes.py);
    `as_written` leaves misspelt words as they are; documents below `min_relevance` are left out;
    `notes` are kept with the answer's warnings; `may_interleave` lets the challenger's ranking take turns in it.
    """

    viewer: Viewer
    parts: tuple[Part, ...] = ()
    session: str = ""
    collections: tuple[str, ...] = ()
    filters: dict[str, Any] = field(default_factory=dict)
    target: Target = PASSAGE.target
    sort: str = "relevance"
    limit: int = LIMIT_DEFAULT
    cursor: str | None = None
    model: str = "champion"
    preview_px: int = 320
    or_pictures: bool = False
    collapse: bool = False
    mode: Mode = "auto"
    as_written: bool = False
    min_relevance: float | None = None
    notes: tuple[SearchWarning, ...] = ()
    may_interleave: bool = False


@dataclass(frozen=True)
class AnswerReader:
    """Who reads a kept answer; `session` names somebody without an account."""

    viewer: Viewer
    session: str = ""


@dataclass(frozen=True)
class EncodedPart:
    """A part's vectors in one version's joint space: float32 `(vectors, dim)`, each of unit length.

    There is one, but for a document, which brings one per passage or image. `text`: the words of a text.
    `nothing_known`: the version knows none of them, so its vector says nothing.
    """

    modality: Modality
    vectors: NDArray[np.float32]
    weight: float = 1.0
    text: str = ""
    nothing_known: bool = False


@dataclass(frozen=True)
class Marks:
    """What moved a query: documents that were marked in the answer of a search."""

    query_id: uuid.UUID
    relevant: tuple[int, ...]
    not_relevant: tuple[int, ...]


@dataclass(frozen=True)
class Moved:
    """Where marks moved a query (rocchio.py): the vector `(dim,)` it is searched with instead of its parts' own."""

    vector: NDArray[np.float32]
    marks: Marks


@dataclass(frozen=True)
class EncodedQuery:
    """A query in one version's joint space. `warnings`: what the asker should know of how it was read."""

    version: ModelVersion
    parts: tuple[EncodedPart, ...]
    timings_ms: dict[str, float] = field(default_factory=dict)
    warnings: tuple[SearchWarning, ...] = ()
    moved: Moved | None = None

    @property
    def nothing_known(self) -> bool:
        """Whether no part that leads anywhere means anything to the version."""
        return self.moved is None and all(part.nothing_known or part.weight <= 0 for part in self.parts)

    @property
    def known(self) -> EncodedQuery:
        """What vectors are compared with: the parts without those that mean nothing to the version, or, where marks
        moved the query, the one vector that they led to.
        """
        if self.moved is not None:
            vector = EncodedPart("embedding", self.moved.vector[None, :])
            return replace(self, parts=(vector,), moved=None)
        return replace(self, parts=tuple(part for part in self.parts if not part.nothing_known))

    @property
    def unknown_words(self) -> frozenset[str]:
        """The words that the version does not know, in lower case."""
        found = (word for warning in self.warnings for word in warning["detail"].get("unknown_words", ()))
        return frozenset(word.lower() for word in found)

    @property
    def knows_whole_words(self) -> bool:
        """Whether the version says of each word whether it knows it: others read any word in pieces."""
        return bool(self.version.manifest.get("text", {}).get("tokenizer") == KNOWS_WHOLE_WORDS)


@dataclass(frozen=True)
class Unit:
    """One unit found: a passage's or an image's id, its document, and its score (bigger is closer).

    `standard`: how many deviations the score lies above that of the table's background; None: not known.
    `found_by` names the retrievers that found it; empty: the one by vectors alone. `by_vectors`: the score that vectors
    alone gave it, where `score` is fused from several; None where they did not say.
    """

    unit_id: int
    document_id: int
    score: float
    standard: float | None = None
    found_by: tuple[RetrieverName, ...] = ()
    by_vectors: float | None = None


@dataclass(frozen=True)
class Scope:
    """Where a search may look: one vector table, the collections that may be seen, and the documents wanted.

    `collections` are ids, never empty of permission by accident: none means that nothing may be seen. `filters` are
    those of search/filters that ask for something. `asked_with` is the query's modality, where it is known.
    """

    table: VectorTable
    collections: tuple[int, ...]
    filters: dict[str, Any] = field(default_factory=dict)
    excluded: frozenset[int] = frozenset()
    asked_with: str = ""


@dataclass(frozen=True)
class Plan:
    """How the candidates were found: `ann` by the HNSW index, `ternary` and `binary` by those of short codes, `exact`
    by a scan, `lexical` by words alone; and by which retrievers.
    """

    kind: Literal["ann", "ternary", "binary", "exact", "lexical"]
    candidates: int
    ef_search: int | None = None
    retrievers: tuple[RetrieverName, ...] = ("dense",)


@dataclass(frozen=True)
class Candidates:
    """The units that a retriever found (None: several), by which plan, and whether there are no more."""

    units: tuple[Unit, ...]
    plan: Plan
    exhausted: bool
    retriever: RetrieverName | None = "dense"


Find: TypeAlias = Callable[[EncodedQuery], Candidates]


@dataclass(frozen=True)
class RankedDocument:
    """A document by its best unit. `relevance`: the calibrated probability that it is relevant; None: unknown.

    `strength` says it in words, which are known without a calibration, too; None in answers older than it.
    `same_as`: the better document that it is nearly the same as. `by_vectors`: as of its unit.
    """

    document_id: int
    unit_id: int
    score: float
    relevance: float | None = None
    strength: Strength | None = None
    same_as: int | None = None
    by_vectors: float | None = None


@dataclass(frozen=True)
class Ranking:
    """Documents, best first, each by a unit of this kind; `more`: there may be others behind them.

    `match`: None in answers of before it was known.
    """

    documents: tuple[RankedDocument, ...]
    kind: str
    plan: Plan
    more: bool
    match: Match | None = None


@dataclass(frozen=True)
class Hit:
    """One result: a document with its best unit, None where that is gone since, and the name of the unit's kind.

    `cover` is the document's first picture, where the kind is shown beside it. `at_page`: the page of the document's
    file that the unit stands on, where it has one. `same`: hits that are nearly the same.
    """

    rank: int
    score: float
    document: Any
    unit: Any | None = None
    kind: str = PASSAGE.name
    relevance: float | None = None
    strength: Strength | None = None
    cover: Any | None = None
    at_page: Any | None = None
    same: tuple[Hit, ...] = ()


@dataclass(frozen=True)
class SearchAnswer:
    """What a search found, as kept under its query id, which is None where it is not kept.

    `counted`: whether this viewer may know how many candidates there were, for these are what the asker could see.
    `warnings`: what should be known of the answer, as it was when the search was made. `parts`: what was asked with,
    of a photo and a vector only that there was one. `marks`: what moved it. `unkept`: the row of a search that is not
    kept, for the page that shows its answer at once. `text_read`: what was read in the photo, None where nobody asked
    or it is not read yet.
    """

    query_id: uuid.UUID | None
    modality: AskedBy
    model: str
    hits: tuple[Hit, ...]
    next: str | None
    plan: Plan
    timings_ms: dict[str, float]
    counted: bool = True
    warnings: tuple[SearchWarning, ...] = ()
    parts: tuple[Part, ...] = ()
    unkept: Query | None = None
    match: Match | None = None
    text_read: list[dict[str, Any]] | None = None
    marks: Marks | None = None

    @property
    def unknown_words(self) -> list[str]:
        """The words of the query that the model does not know."""
        return [word for warning in self.warnings for word in warning["detail"].get("unknown_words", ())]

    @property
    def mended(self) -> dict[str, str] | None:
        """The words as they were asked and as they were searched for, where misspelt ones were mended."""
        return self._spelling(MENDED)

    @property
    def as_written(self) -> dict[str, str] | None:
        """The same of words that were searched for as they are written, though they look misspelt."""
        return self._spelling(AS_WRITTEN)

    def _spelling(self, warning_id: str) -> dict[str, str] | None:
        found = (warning["detail"] for warning in self.warnings if warning["id"] == warning_id)
        return next(({name: detail[name] for name in ("asked", "searched")} for detail in found), None)
