"""Searching by words alone: where nobody wants vectors, and where no encoder makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrieval_site.errors import AppError
from search.retrieval.encode import Known, encode_start, searchable_version
from search.retrieval.modes import text_of
from search.retrieval.types import EncodedPart, EncodedQuery, TextPart
from workers.encoding.client import text_checked

if TYPE_CHECKING:
    from search.retrieval.encode import Encoding
    from search.retrieval.modes import Ways
    from search.retrieval.types import SearchRequest, SearchWarning

NO_ENCODER: SearchWarning = {
    "id": "encoder.words_only",
    "message": "The model is not answering, so only the words themselves were searched for.",
    "detail": {},
}


def encoding_for(request: SearchRequest, mode: Ways, preview_px: int) -> Encoding:
    """Return the request on its way to vectors; by words alone where its mode wants no others.

    Of a hybrid search that is words, an encoder that does not answer is a warning. Raises AppError as `encode_start`.
    """
    if mode == "lexical":
        text_checked(text_of(request.parts))
        return Known(unencoded(request))
    if mode == "dense" or not all(isinstance(part, TextPart) for part in request.parts):
        return encode_start(request, preview_px)
    return _OrWords(request)


def unencoded(request: SearchRequest, *warnings: SearchWarning) -> EncodedQuery:
    """Return a query that has no vectors, of which no retriever by vectors knows anything."""
    version = searchable_version(request.model, viewer=request.viewer)
    none = np.empty((0, version.dim), np.float32)
    parts = tuple(
        EncodedPart(
            part.modality,
            none,
            part.weight,
            part.text if isinstance(part, TextPart) else "",
            nothing_known=True,
        )
        for part in request.parts
    )
    return EncodedQuery(version, parts, warnings=warnings)


class _OrWords:
    """Words on their way to vectors, which are searched for as words alone where no encoder answers."""

    def __init__(self, request: SearchRequest) -> None:
        self._request = request
        self._query: EncodedQuery | None = None
        try:
            self._encoding = encode_start(request, 0)
        except AppError as error:
            self._query = self._without(error)
            self._encoding = Known(self._query)
        self.version = self._encoding.version

    def finish(self) -> EncodedQuery:
        if self._query is None:
            try:
                self._query = self._encoding.finish()
            except AppError as error:
                self._query = self._without(error)
        return self._query

    def previews(self) -> tuple[bytes | None, ...]:
        return (None,) * len(self._request.parts)

    def _without(self, error: AppError) -> EncodedQuery:
        if error.id not in ("encoder.unavailable", "encoder.timeout"):
            raise error
        return unencoded(self._request, NO_ENCODER)
