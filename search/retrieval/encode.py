"""First step: from what was asked to vectors in one version's joint space.

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
from search.retrieval.types import EncodedQuery, Modality
from search.vectors.read import document_vectors
from workers.encoding.client import picture_start, text_start

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.retrieval.types import SearchRequest, Target
    from search.vectors.tables import UnitKind
    from workers.encoding.client import Pending

CHAMPION = "champion"
DOCUMENT_PARTS_MAX = 8
"""How many passages or images of a document are searched for at “more like this”: its beginning."""
LENGTH_MIN = 1e-6


class Encoding(Protocol):
    """A query on its way to vectors."""

    version: ModelVersion

    def finish(self) -> EncodedQuery:
        """Wait for the vectors."""
        ...

    def preview(self) -> bytes | None:
        """Wait for a photo's small copy, which comes behind its vectors; None for anything but a photo."""
        ...


def encode_start(request: SearchRequest) -> Encoding:
    """Start encoding; raises AppError `query.parts` unless exactly one part is set, and what each part raises."""
    modality = _modality(request)
    version = searchable_version(request.model, manages=manages_models(request.viewer))
    if request.image is not None:
        return _Asked(version, modality, picture_start(version, request.image, request.preview_px))
    if request.text is not None:
        return _Asked(version, modality, text_start(version, request.text))
    if request.document is not None:
        return _Known(EncodedQuery(version, modality, _of_document(request, version)))
    return _Known(EncodedQuery(version, modality, _of_embedding(request, version)))


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
    def __init__(self, version: ModelVersion, modality: Modality, pending: Pending) -> None:
        self.version, self._modality, self._pending = version, modality, pending

    def finish(self) -> EncodedQuery:
        answer = self._pending.result()
        vectors = answer.vector[None, :]
        return EncodedQuery(
            self.version, self._modality, vectors, dict(answer.timings_ms), answer.unknown, answer.warnings
        )

    def preview(self) -> bytes | None:
        return self._pending.preview()


class _Known:
    def __init__(self, query: EncodedQuery) -> None:
        self._query = query
        self.version = query.version

    def finish(self) -> EncodedQuery:
        return self._query

    def preview(self) -> None:
        return None


def _modality(request: SearchRequest) -> Modality:
    parts: dict[Modality, object] = {
        "image": request.image,
        "text": request.text,
        "document": request.document,
        "embedding": request.embedding,
    }
    given = [name for name, part in parts.items() if part is not None]
    if len(given) != 1:
        raise AppError("query.parts", parts=["image", "text", "document", "embedding"], given=given)
    return given[0]


def _of_document(request: SearchRequest, version: ModelVersion) -> NDArray[np.float32]:
    """Return the stored vectors of a document that the viewer may see."""
    if not Document.objects.visible_to(request.viewer).filter(pk=request.document).exists():
        raise AppError("document.not_found")
    return document_parts(version, request.document, request.target)


def document_parts(version: ModelVersion, document_id: int | None, target: Target) -> NDArray[np.float32]:
    """Return a document's stored vectors `(parts, dim)`, those of the target's kind first.

    Raises AppError `document.not_encoded` where it has none.
    """
    kinds: tuple[UnitKind, ...] = ("image", "passage") if target == "images" else ("passage", "image")
    for kind in kinds:
        vectors = document_vectors(version, kind, document_id or 0, limit=DOCUMENT_PARTS_MAX)
        if len(vectors):
            return vectors
    raise AppError("document.not_encoded")


def _of_embedding(request: SearchRequest, version: ModelVersion) -> NDArray[np.float32]:
    """Return the given vector at unit length; it means something under the version that made it only."""
    if "@" not in request.model:
        raise AppError("embedding.model_required")
    vector = np.asarray(request.embedding, dtype=np.float64)
    if vector.shape != (version.dim,):
        raise AppError("embedding.dimension", model=version.key, expected=version.dim, found=int(vector.size))
    length = float(np.linalg.norm(vector))
    if not LENGTH_MIN < length < np.inf:
        raise AppError("embedding.invalid")
    return (vector / length).astype(np.float32)[None, :]
