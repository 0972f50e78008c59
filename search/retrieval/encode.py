"""Encode: from the parts of a query to vectors in one version's joint space.

Encoding takes most of a search's time in another process, so it is started before anything else is looked up.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from models_admin.models import VersionState
from models_admin.services import version_find
from models_admin.versions import version_reachable
from retrieval_site.errors import AppError
from search.models import Document
from search.retrieval.types import (
    PARTS_MAX,
    DocumentPart,
    EmbeddingPart,
    EncodedPart,
    EncodedQuery,
    ImagePart,
    TextPart,
)
from search.units.registry import unit_kinds
from search.vectors.read import document_vectors
from search.vectors.sharded.searching import reading_shards, require_document
from search.vectors.tables import VectorTable
from workers.encoding.client import picture_start, text_start

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.retrieval.types import Part, SearchRequest, SearchWarning, Target
    from workers.encoding.client import Pending
    from workers.inference.words import UnknownWords

CHAMPION = "champion"
DOCUMENT_UNITS_MAX = 8
"""How many passages or images of a document are searched for at “more like this”: its beginning."""
LENGTH_MIN = 1e-6
WORDS_QUOTED = 10
SAYS_NOTHING: SearchWarning = {
    "id": "text.nothing_known",
    "message": "These words do not say what to look for.",
    "detail": {"unknown_words": []},
}
LEFT_OUT: SearchWarning = {
    "id": "text.unknown_words",
    "message": "One part has no words that say what to look for, so it was left out.",
    "detail": {"unknown_words": []},
}


class Encoding(Protocol):
    """A query on its way to vectors."""

    version: ModelVersion

    def finish(self) -> EncodedQuery:
        """Wait for the vectors."""
        ...

    def previews(self) -> tuple[bytes | None, ...]:
        """Wait for each part's small copy, which comes behind its vectors; None for anything but a photo."""
        ...


def encode_start(request: SearchRequest, preview_px: int) -> Encoding:
    """Start encoding every part before any is waited for, with small copies of photos where `preview_px` is not 0.

    Raises AppError of `check_parts`, `searchable_version` and of each kind of part.
    """
    parts = request.parts
    check_parts(parts)
    version = searchable_version(request.model, viewer=request.viewer)
    sent = [_sent(part, version, preview_px) for part in parts]
    known = [
        None if pending else EncodedPart(part.modality, _looked_up(request, part, version), part.weight)
        for part, pending in zip(parts, sent, strict=True)
    ]
    return _Asked(version, tuple(zip(parts, sent, known, strict=True)))


def check_parts(parts: tuple[Part, ...]) -> None:
    """Raise AppError `query.parts` for none, `query.too_many_parts`, `query.weight`, `query.only_negative`."""
    if not parts:
        raise AppError("query.parts", parts=["image", "text", "document", "embedding"], given=[])
    if len(parts) > PARTS_MAX:
        raise AppError("query.too_many_parts", given=len(parts), limit=PARTS_MAX)
    weights = [part.weight for part in parts]
    if not all(-1 <= weight <= 1 and weight for weight in weights):
        raise AppError("query.weight")
    if max(weights) < 0:
        raise AppError("query.only_negative")


def _sent(part: Part, version: ModelVersion, preview_px: int) -> Pending | None:
    """Send a part to a query worker; None for one whose vectors are stored or given."""
    match part:
        case ImagePart():
            return picture_start(version, part.picture, preview_px)
        case TextPart():
            return text_start(version, part.text)
    return None


def _looked_up(request: SearchRequest, part: Part, version: ModelVersion) -> NDArray[np.float32]:
    if isinstance(part, DocumentPart):
        return _of_document(request, part, version)
    return _of_embedding(request, cast("EmbeddingPart", part), version)


def searchable_version(key: str, *, viewer: Any) -> ModelVersion:
    """Return the version of an alias or `name@number` whose vectors can be searched.

    Raises AppError `model.not_found`, also for one that the viewer may not name; `model.none_active`,
    `model.not_ready`.
    """
    try:
        version = version_find(key)
    except AppError as error:
        if key != CHAMPION or error.id != "model.not_found":
            raise
        raise AppError("model.none_active") from error
    if "@" in key and not version_reachable(version, viewer=viewer):
        raise AppError("model.not_found", model=key)
    if version.state != VersionState.READY:
        raise AppError("model.not_ready", model=version.key, state=str(version.state))
    return version


class _Asked:
    """Parts of which some were sent to a query worker: each with what is waited for, or its vectors."""

    def __init__(
        self, version: ModelVersion, parts: tuple[tuple[Part, Pending | None, EncodedPart | None], ...]
    ) -> None:
        self.version, self._parts = version, parts

    def finish(self) -> EncodedQuery:
        answers = [pending.result() for _, pending, _ in self._parts if pending]
        query = EncodedQuery(
            self.version,
            tuple(known or _received(part, cast("Pending", sent)) for part, sent, known in self._parts),
            _slowest(answer.timings_ms for answer in answers),
        )
        nothing_known = query.nothing_known
        warnings = (
            warning
            for answer in answers
            for warning in (*answer.warnings, *_of_words(answer.unknown, nothing_known=nothing_known))
        )
        return replace(query, warnings=tuple(warnings))

    def previews(self) -> tuple[bytes | None, ...]:
        return tuple(pending.preview() if pending else None for _, pending, _ in self._parts)


def _received(part: Part, pending: Pending) -> EncodedPart:
    """Return a part that was sent, by its answer."""
    answer = pending.result()
    text = part.text if isinstance(part, TextPart) else ""
    unknown = answer.unknown.nothing_known
    return EncodedPart(part.modality, answer.vector[None, :], part.weight, text, nothing_known=unknown)


def _slowest(timings_ms: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return each step's longest time: parts are encoded at the same time."""
    longest: dict[str, float] = {}
    for each in timings_ms:
        longest |= {step: max(spent, longest.get(step, 0.0)) for step, spent in each.items()}
    return longest


class Known:
    """A query whose vectors are there already."""

    def __init__(self, query: EncodedQuery) -> None:
        self._query = query
        self.version = query.version

    def finish(self) -> EncodedQuery:
        """Return it."""
        return self._query

    def previews(self) -> tuple[bytes | None, ...]:
        """Return no small copies."""
        return (None,) * len(self._query.parts)


class Beside:
    """Words or a photo that another version is asked, too, for whose vector nobody has to wait."""

    def __init__(self, version: ModelVersion, parts: tuple[Part, ...]) -> None:
        """Send the one part; raises AppError as `encode_start`, RedisError."""
        (part,) = parts
        self.version = version
        sent = (
            picture_start(version, part.picture, beside=True)
            if isinstance(part, ImagePart)
            else text_start(version, cast("TextPart", part).text, beside=True)
        )
        self._pending, self._asked = sent, _Asked(version, ((part, sent, None),))

    def arrived(self, seconds: float) -> EncodedQuery | None:
        """Return the vectors as soon as they are there; None after so long. Raises AppError of the encoder."""
        return self._asked.finish() if self._pending.arrived(seconds) else None

    def finish(self) -> EncodedQuery:
        """Wait for the vectors."""
        return self._asked.finish()

    def previews(self) -> tuple[bytes | None, ...]:
        """Return no small copy: the search that is kept has its own."""
        return (None,)


def _of_words(unknown: UnknownWords, *, nothing_known: bool) -> list[SearchWarning]:
    """Return the warning of words that the model does not know; `nothing_known`: of anything that was asked."""
    if not unknown.words and not unknown.nothing_known:
        return []
    if not unknown.words:
        return [SAYS_NOTHING if nothing_known else LEFT_OUT]
    words = ", ".join(f"“{word}”" for word in unknown.words[:WORDS_QUOTED])
    words += " and others" if len(unknown.words) > WORDS_QUOTED else ""
    detail = {"unknown_words": list(unknown.words)}
    if nothing_known:
        message = f"The model knows none of these words: {words}."
        return [{"id": "text.nothing_known", "message": message, "detail": detail}]
    message = f"The model does not know {words}; it searched for the rest."
    return [{"id": "text.unknown_words", "message": message, "detail": detail}]


def _of_document(request: SearchRequest, part: DocumentPart, version: ModelVersion) -> NDArray[np.float32]:
    """Return the stored vectors of a document that the viewer may see."""
    if not Document.objects.visible_to(request.viewer).filter(pk=part.document_id).exists():
        raise AppError("document.not_found")
    return document_units(version, part.document_id, request.target)


def document_units(version: ModelVersion, document_id: int | None, target: Target) -> NDArray[np.float32]:
    """Return a document's stored vectors `(units, dim)`, those of the target's kind first.

    Raises AppError `document.not_encoded` where it has none, and `shards.document_away` where none can be read since a
    server of vectors is away.
    """
    began = time.monotonic()
    wanted_first = sorted(unit_kinds(), key=lambda kind: kind.target != target)
    tables = [VectorTable(version.pk, kind.name) for kind in wanted_first]
    for table in tables:
        stored = partial(document_vectors, version, table.kind, document_id or 0, limit=DOCUMENT_UNITS_MAX)
        vectors = reading_shards(table, stored)
        if len(vectors):
            return vectors
    require_document(tables, began)
    raise AppError("document.not_encoded")


def _of_embedding(request: SearchRequest, part: EmbeddingPart, version: ModelVersion) -> NDArray[np.float32]:
    """Return the given vector at unit length; it means something under the version that made it only."""
    if "@" not in request.model:
        raise AppError("embedding.model_required")
    vector = np.asarray(part.vector, dtype=np.float64)
    if vector.shape != (version.dim,):
        raise AppError("embedding.dimension", model=version.key, expected=version.dim, found=int(vector.size))
    length = float(np.linalg.norm(vector))
    if not LENGTH_MIN < length < np.inf:
        raise AppError("embedding.invalid")
    return (vector / length).astype(np.float32)[None, :]
