"""What passes between the four steps `encode → candidates → rank → present`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from workers.inference.words import UnknownWords

if TYPE_CHECKING:
    import uuid

    import numpy as np
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.querysets import Viewer
    from search.vectors.tables import VectorTable

Modality = Literal["image", "text", "document", "embedding"]
Target = Literal["passages", "images"]
SearchWarning = dict[str, Any]
"""`{"id", "message", "detail"}`: what did not stop a search but should be known of its answer."""
LIMIT_MAX = 100
LIMIT_DEFAULT = 10


@dataclass(frozen=True)
class SearchRequest:
    """One search as asked: exactly one of image, text, document and embedding is set.

    `viewer` is whose permissions count; `session` names an anonymous searcher; `collections` are slugs (empty:
    all that are visible); `filters` has values by names of search/filters; `limit` counts documents;
    `cursor` is the `next` of an earlier answer; `model` an alias or `name@number`; `preview_px` is the longest
    side of the kept query photo; `or_pictures` lets pictures be searched where there are no passages.
    """

    viewer: Viewer
    session: str = ""
    image: bytes | None = None
    text: str | None = None
    document: int | None = None
    embedding: tuple[float, ...] | None = None
    collections: tuple[str, ...] = ()
    filters: dict[str, Any] = field(default_factory=dict)
    target: Target = "passages"
    limit: int = LIMIT_DEFAULT
    cursor: str | None = None
    model: str = "champion"
    preview_px: int = 320
    or_pictures: bool = False


@dataclass(frozen=True)
class EncodedQuery:
    """A query's vectors in one version's joint space: float32 `(parts, dim)`, each of unit length.

    There is one, but for “more like this”, which brings one per passage or image of the document.
    """

    version: ModelVersion
    modality: Modality
    vectors: NDArray[np.float32]
    timings_ms: dict[str, float] = field(default_factory=dict)
    unknown: UnknownWords = field(default_factory=UnknownWords)
    warnings: tuple[SearchWarning, ...] = ()
    """What the asker should know of how the query was read: `{id, message, detail}`."""


@dataclass(frozen=True)
class Unit:
    """One embedded unit found: a passage's or an image's id, its document, and its score (bigger is closer)."""

    unit_id: int
    document_id: int
    score: float


@dataclass(frozen=True)
class Scope:
    """Where a search may look: one vector table, the collections that may be seen, and the documents wanted.

    `collections` are ids, never empty of permission by accident: none means that nothing may be seen. `filters` are
    those of search/filters that ask for something.
    """

    table: VectorTable
    collections: tuple[int, ...]
    filters: dict[str, Any] = field(default_factory=dict)
    excluded: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Candidates:
    """The units found, closest first, how, and whether there are no more."""

    units: tuple[Unit, ...]
    plan: Plan
    exhausted: bool


@dataclass(frozen=True)
class Plan:
    """How the candidates were found: `ann` by the HNSW index, `binary` by that of the signs, `exact` by a scan."""

    kind: Literal["ann", "binary", "exact"]
    candidates: int
    ef_search: int | None = None


@dataclass(frozen=True)
class Hit:
    """One result: a document with its best passage or image; `cover` is a passage's picture, its document's first."""

    rank: int
    score: float
    document: Any
    passage: Any | None = None
    image: Any | None = None
    relevance: float | None = None
    cover: Any | None = None


@dataclass(frozen=True)
class SearchAnswer:
    """What a search found, as kept under its query id.

    `counted`: whether this viewer may know how many candidates there were, for these are what the asker could see.
    `warnings`: what should be known of the answer, as it was when the search was made.
    """

    query_id: uuid.UUID
    modality: Modality
    model: str
    hits: tuple[Hit, ...]
    next: str | None
    plan: Plan
    timings_ms: dict[str, float]
    counted: bool = True
    warnings: tuple[SearchWarning, ...] = ()

    @property
    def unknown_words(self) -> list[str]:
        """The words of the query that the model does not know."""
        return [word for warning in self.warnings for word in warning["detail"].get("unknown_words", ())]
