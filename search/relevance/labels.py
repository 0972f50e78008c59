"""Labelled hits to fit a calibration to: of documents with picture and text, and of people's judgements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import connection
from django.db.models import Count
from psycopg import sql

from search.exports import agreed_grades
from search.models import Collection, Judgement, Query
from search.relevance.fitted import Labels
from search.retrieval.encode import Known
from search.retrieval.keep import part_vectors
from search.retrieval.runner import Asked, run
from search.retrieval.types import EncodedPart, EncodedQuery, Scope
from search.services.judgements import RELEVANT
from search.units.image import IMAGE
from search.units.passage import PASSAGE
from search.units.registry import unit_kind_of
from search.vectors.read import document_vectors, from_binary, receive_binary, unit_vectors
from search.vectors.tables import VectorTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.retrieval.types import RankedDocument
    from workers.jobs.context import JobContext

PAIRS_MAX = 500
QUERIES_AT_ONCE = 100
JUDGED_QUERIES_MAX = 5_000
HITS = 20
"""Of each pair's answer so many hits are labelled: what a page shows."""
TWIN_COSINE = 0.8
"""A passage so close to the pair's own may be as right: nobody said, so it is no label."""
PASSAGES_MAX = 8
UNITS_MAX = 1024
"""The sample of what could be found."""

_PAIRED = sql.SQL("""
    {image} image JOIN LATERAL (
        SELECT FROM {passage} passage WHERE passage.document_id = image.document_id LIMIT 1
    ) told ON true
    WHERE %(collection)s::bigint IS NULL OR image.collection_id = %(collection)s::bigint
""")
_COUNTS = sql.SQL("""
    SELECT image.collection_id, count(DISTINCT image.document_id) FROM {paired} GROUP BY image.collection_id
""")
_PAIRS = sql.SQL("""
    SELECT document_id, embedding FROM (
        SELECT DISTINCT ON (image.document_id) image.document_id, image.embedding
        FROM {paired} ORDER BY image.document_id, image.unit_id
    ) pair ORDER BY hashint8(document_id) LIMIT %(most)s
""")
_UNITS = sql.SQL("""
    SELECT embedding FROM {table} WHERE %(collection)s::bigint IS NULL OR collection_id = %(collection)s::bigint
    ORDER BY hashint8(unit_id) LIMIT %(most)s
""")


@dataclass
class _Growing:
    """Labels as they come."""

    vectors: list[NDArray[np.float32]] = field(default_factory=list)
    query: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    relevant: list[bool] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)

    def add(
        self, vector: NDArray[np.float32], first: float, hits: Iterator[tuple[float, bool]], best: float
    ) -> None:
        """Add a query with its labelled hits."""
        self.best.append(best)
        for score, is_relevant in hits:
            self.query.append(len(self.vectors))
            self.scores.append(score)
            self.relevant.append(is_relevant)
        self.vectors.append(vector)
        self.first.append(first)

    def done(self, units: NDArray[np.float32]) -> Labels:
        return Labels(
            np.array(self.vectors, dtype=np.float32).reshape(-1, units.shape[1]),
            np.array(self.query, dtype=np.int64),
            np.array(self.scores, dtype=np.float64),
            np.array(self.relevant, dtype=np.bool_),
            np.array(self.first, dtype=np.float64),
            units,
            np.array(self.best, dtype=np.float64),
        )


def pair_counts(version: ModelVersion) -> dict[int, int]:
    """Return how many documents of each collection, by id, have vectors of both a picture and a text."""
    with connection.cursor() as cursor:
        cursor.execute(_named(version, _COUNTS), {"collection": None})
        return dict(cursor.fetchall())


def pair_labels(version: ModelVersion, collection: int | None, ctx: JobContext) -> Labels:
    """Return what documents' own pictures find among passages: their own document is relevant, and others are not.

    Documents whose text says nearly the same as the own one are left out. What a picture finds first is told without
    its own document: a text that was written to the picture itself lies nearer than a stranger's photo finds any.
    """
    places = (collection,) if collection else tuple(Collection.objects.values_list("pk", flat=True))
    scope = Scope(VectorTable(version.pk, PASSAGE.name), places)
    growing = _Growing()
    for document_id, vector in pictures_of_pairs(version, collection):
        query = EncodedQuery(version, (EncodedPart("image", vector[None]),))
        found = run(Asked(Known(query), scope, HITS, HITS)).documents
        if found:
            first = next((hit.score for hit in found if hit.document_id != document_id), found[0].score)
            growing.add(vector, first, _told(version, document_id, found), first)
        ctx.advance(1)
        ctx.checkpoint()
    return growing.done(units_sample(scope.table, collection, version.dim))


def pictures_of_pairs(version: ModelVersion, collection: int | None) -> list[tuple[int, NDArray[np.float32]]]:
    """Return documents that have both with the vector of their first picture, a fixed sample of them."""
    with connection.cursor() as cursor:
        receive_binary(cursor)
        cursor.execute(_named(version, _PAIRS), {"collection": collection, "most": PAIRS_MAX})
        rows = cursor.fetchall()
    return list(
        zip((row[0] for row in rows), from_binary((row[1] for row in rows), version.dim), strict=True)
    )


def _named(version: ModelVersion, statement: sql.SQL) -> str:
    tables = {kind.name: VectorTable(version.pk, kind.name).identifier for kind in (IMAGE, PASSAGE)}
    return statement.format(paired=_PAIRED.format(**tables)).as_string()


def _told(
    version: ModelVersion, document_id: int, found: Sequence[RankedDocument]
) -> Iterator[tuple[float, bool]]:
    """Yield the score of each labelled hit and whether it is relevant."""
    own = document_vectors(version, PASSAGE.name, document_id, limit=PASSAGES_MAX)
    if not len(own):  # it was deleted or changed a moment ago: nothing says which texts are its twins
        return
    vectors = unit_vectors(version, PASSAGE.name, [hit.unit_id for hit in found])
    for hit in found:
        is_own = hit.document_id == document_id
        if is_own or (hit.unit_id in vectors and float((own @ vectors[hit.unit_id]).max()) < TWIN_COSINE):
            yield hit.score, is_own


def judgement_counts(version: ModelVersion, modality: str, target: str) -> dict[int, int]:
    """Return how many judgements there are of what such searches found, by the documents' collections."""
    rows = _judgements(version, modality, target, None).order_by().values("document__collection")
    return dict(rows.annotate(count=Count("pk")).values_list("document__collection", "count"))


def judged_labels(version: ModelVersion, modality: str, target: str, collection: int | None) -> Labels:
    """Return the hits of such searches that people judged, with the scores that they had."""
    grades: dict[object, dict[int, int]] = {}
    rows = agreed_grades(_judgements(version, modality, target, collection))
    for query_id, document_id, grade in rows:
        grades.setdefault(query_id, {})[document_id] = grade
    growing = _Growing()
    newest = Query.objects.filter(pk__in=list(grades)).order_by("-created_at")[:JUDGED_QUERIES_MAX]
    for query in newest.prefetch_related("parts").iterator(QUERIES_AT_ONCE):
        vectors = part_vectors(query.asked[0], version.dim)
        said = grades[query.pk]
        scores = list(_scores_by_vectors(query))
        hits = [(score, said[document] >= RELEVANT) for document, score in scores if document in said]
        best = max((score for score, is_relevant in hits if is_relevant), default=None)
        if best is not None:
            growing.add(vectors[0], best, iter(hits), max(score for _, score in scores))
    kind = unit_kind_of(target)
    return growing.done(units_sample(VectorTable(version.pk, kind.name), collection, version.dim))


def units_sample(
    table: VectorTable, collection: int | None, dim: int, most: int = UNITS_MAX
) -> NDArray[np.float32]:
    """Return a fixed sample of the vectors of a collection's units, or of all."""
    with connection.cursor() as cursor:
        receive_binary(cursor)
        statement = _UNITS.format(table=table.identifier).as_string()
        cursor.execute(statement, {"collection": collection, "most": most})
        return from_binary((row[0] for row in cursor.fetchall()), dim)


def _scores_by_vectors(query: Query) -> Iterator[tuple[int, float]]:
    """Yield each document of a kept answer with its score by vectors; without those that words alone found."""
    is_fused = len(query.plan.get("retrievers", ())) > 1
    for hit in query.answer:
        score = hit.get("by_vectors") if is_fused else hit["score"]
        if score is not None:
            yield hit["document"], score


def _judgements(version: ModelVersion, modality: str, target: str, collection: int | None) -> Any:
    """Return judgements of searches with one part, whose vectors and scores are kept."""
    rows = Judgement.objects.filter(
        query__version=version,
        query__target=target,
        query__parts__modality=modality,
        query__parts__embedding__isnull=False,
    ).exclude(query__parts__place__gt=0)
    return rows.filter(document__collection=collection) if collection else rows
