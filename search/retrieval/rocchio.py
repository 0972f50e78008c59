"""Rocchio: the vector that a query is searched with, moved by what people marked in its answer.

J. J. Rocchio, “Relevance feedback in information retrieval” (1971): the query, plus the mean of what is relevant,
minus the mean of what is not. Each of the three is divided by the deviation of its scores over the table's background
(scoring.py): a photo's scores with passages lie closer together than those of passages with each other, so that marks
would otherwise count for more the further apart a model holds pictures and texts. `python -m bench.marks` measures it,
and found the weights.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from retrieval_site.errors import AppError
from search.retrieval.compose import together
from search.retrieval.scoring import DEVIATION_MIN, standard_of
from search.retrieval.types import Marks, Moved
from search.vectors.background import background
from search.vectors.read import document_vectors, unit_vectors
from search.vectors.sharded.searching import require_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from search.models import Query
    from search.retrieval.types import EncodedQuery
    from search.vectors.tables import VectorTable

    Vector = NDArray[np.float32]

TOWARDS, AWAY = 1.0, 0.4
UNITS_MAX = 8
"""Units of a marked document that was in no answer, of which the closest to the query is taken."""


def moved(asked: Vector, towards: Vector, away: Vector, sample: Vector) -> Vector:
    """Return a query's vector `(dim,)` moved towards one vector and away from another, at unit length.

    Any of the three may be 0, which leaves it out. `sample` `(rows, dim)` is the background of what is searched.
    """
    parts = ((1.0, asked), (TOWARDS, towards), (-AWAY, away))
    found = np.sum([weight * _standardised(vector, sample) for weight, vector in parts], axis=0)
    length = max(float(np.linalg.norm(found)), DEVIATION_MIN)
    unit: Vector = (found / length).astype(np.float32)
    return unit


def _standardised(vector: Vector, sample: Vector) -> Vector:
    """Return the vector with which scores over the background have deviation 1."""
    deviation = float((sample @ vector).std()) if len(sample) else float(np.linalg.norm(vector))
    return vector / max(deviation, DEVIATION_MIN)


def moved_by_grades(
    query: Query, encoded: EncodedQuery, table: VectorTable, grades: Mapping[int, int]
) -> EncodedQuery:
    """Return the query moved by grades (0 to 3) of documents: 0 leads away, and a higher one counts for more.

    Raises AppError `marks.none` where none of the documents has a vector, `shards.document_away` where one has none
    that can be read since a server of vectors is away, and `marks.order_similarity` for a version whose similarity no
    single vector can be moved by.
    """
    if encoded.version.similarity == "order":
        raise AppError("marks.order_similarity", model=encoded.version.key)
    asked = _asked(encoded, table)
    began = time.monotonic()
    vectors = _vectors(query, encoded, table, asked, grades)
    if len(vectors) < len(grades):
        require_document([table], began)
    if not vectors:
        raise AppError("marks.none")
    more = [document for document in vectors if grades[document] > 0]
    less = [document for document in vectors if grades[document] == 0]
    towards = _mean(vectors, {document: grades[document] for document in more}, asked)
    away = _mean(vectors, dict.fromkeys(less, 1), asked)
    vector = moved(asked, towards, away, background(table))
    return replace(encoded, moved=Moved(vector, Marks(query.judged_id, tuple(more), tuple(less))))


def _asked(encoded: EncodedQuery, table: VectorTable) -> Vector:
    """Return the direction `(dim,)` of all that was asked with; 0 where the version knows nothing of it."""
    known = encoded.known
    if not known.parts:
        return np.zeros(encoded.version.dim, dtype=np.float32)
    return together(known.parts, standard_of(known, table))


def _mean(vectors: Mapping[int, Vector], weights: Mapping[int, int], like: Vector) -> Vector:
    if not weights:
        return np.zeros_like(like)
    stacked = np.stack([vectors[document] for document in weights])
    mean: Vector = np.average(stacked, axis=0, weights=list(weights.values())).astype(np.float32)
    return mean


def _vectors(
    query: Query, encoded: EncodedQuery, table: VectorTable, asked: Vector, documents: Iterable[int]
) -> dict[int, Vector]:
    """Return the vector of each document that has one: of the unit by which the answer has it, else its closest."""
    units = {entry["document"]: entry[table.kind] for entry in query.answer if entry["document"] in documents}
    stored = unit_vectors(encoded.version, table.kind, units.values())
    found = {document: stored[unit] for document, unit in units.items() if unit in stored}
    for document in set(documents) - set(found):
        own = document_vectors(encoded.version, table.kind, document, limit=UNITS_MAX)
        if len(own):
            found[document] = own[np.argmax(own @ asked)]
    return found
