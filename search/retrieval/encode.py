"""Encode: from the parts of a query to vectors in one version's joint space.

Encoding takes most of a search's time in another process, so it is started before anything else is looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from models_admin.models import VersionState
from models_admin.services import version_find, version_reachable
from retrieval_site.errors import AppError
from retrieval_site.people import manages_models
from search.models import Document
from search.retrieval.types import (
    DocumentPart,
    EmbeddingPart,
    EncodedPart,
    EncodedQuery,
    ImagePart,
    TextPart,
)
from search.units.registry import unit_kinds
from search.vectors.read import document_vectors
from workers.encoding.client import picture_start, text_start

if TYPE_CHECKING:
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


class Encoding(Protocol):
    """A query on its way to vectors."""

    version: ModelVersion

    def finish(self) -> EncodedQuery:
        """Wait for the vectors."""
        ...

    def preview(self) -> bytes | None:
        """Wait for a photo's small copy, which comes behind its vectors; None for anything but a photo."""
        ...


def encode_start(request: SearchRequest, preview_px: int) -> Encoding:
    """Start encoding, with a small copy of a photo where `preview_px` is not 0.

    Raises AppError of `the_part`, `searchable_version` and of each kind of part.
    """
    part = the_part(request.parts)
    version = searchable_version(request.model, manages=manages_models(request.viewer))
    match part:
        case ImagePart():
            return _Asked(version, part, picture_start(version, part.picture, preview_px))
        case TextPart():
            return _Asked(version, part, text_start(version, part.text))
        case DocumentPart():
            vectors = _of_document(request, part, version)
        case EmbeddingPart():
            vectors = _of_embedding(request, part, version)
    return Known(EncodedQuery(version, (EncodedPart(part.modality, vectors, part.weight),)))


def the_part(parts: tuple[Part, ...]) -> Part:
    """Return the one part of a search.

    Raises AppError `query.parts` for none and for several, `parameter.not_supported` for a weight other than 1.
    """
    if len(parts) != 1:
        given = [part.modality for part in parts]
        raise AppError("query.parts", parts=["image", "text", "document", "embedding"], given=given)
    if parts[0].weight != 1:
        raise AppError("parameter.not_supported", parameters=["weight"])
    return parts[0]


def searchable_version(key: str, *, manages: bool) -> ModelVersion:
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
    if "@" in key and not version_reachable(version, manages=manages):
        raise AppError("model.not_found", model=key)
    if version.state != VersionState.READY:
        raise AppError("model.not_ready", model=version.key, state=str(version.state))
    return version


class _Asked:
    """A part that was sent to a query worker."""

    def __init__(self, version: ModelVersion, part: ImagePart | TextPart, pending: Pending) -> None:
        self.version, self._part, self._pending = version, part, pending

    def finish(self) -> EncodedQuery:
        answer, part = self._pending.result(), self._part
        text = part.text if isinstance(part, TextPart) else ""
        return EncodedQuery(
            self.version,
            (EncodedPart(part.modality, answer.vector[None, :], part.weight, text),),
            dict(answer.timings_ms),
            nothing_known=answer.unknown.nothing_known,
            warnings=(*answer.warnings, *_of_words(answer.unknown)),
        )

    def preview(self) -> bytes | None:
        return self._pending.preview()


class Known:
    """A query whose vectors are there already."""

    def __init__(self, query: EncodedQuery) -> None:
        self._query = query
        self.version = query.version

    def finish(self) -> EncodedQuery:
        """Return it."""
        return self._query

    def preview(self) -> None:
        """Return no small copy."""
        return


def _of_words(unknown: UnknownWords) -> list[SearchWarning]:
    if not unknown.words and not unknown.nothing_known:
        return []
    words = ", ".join(f"“{word}”" for word in unknown.words[:WORDS_QUOTED])
    words += " and others" if len(unknown.words) > WORDS_QUOTED else ""
    detail = {"unknown_words": list(unknown.words)}
    if unknown.nothing_known:
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

    Raises AppError `document.not_encoded` where it has none.
    """
    wanted_first = sorted(unit_kinds(), key=lambda kind: kind.target != target)
    for kind in wanted_first:
        vectors = document_vectors(version, kind.name, document_id or 0, limit=DOCUMENT_UNITS_MAX)
        if len(vectors):
            return vectors
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
