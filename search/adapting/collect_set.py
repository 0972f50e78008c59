"""What an adapter is learned from in place of marks: the queries of an evaluation set, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.adapting.collect import (
    AT_ONCE,
    DOCUMENT_UNITS_MAX,
    background,
    example,
    graded_units,
    pairs,
    units_max,
)
from search.evaluation.asking import queries_encoded
from search.evaluation.measure import answerable
from search.units.registry import unit_kind, unit_kind_of
from search.vectors.read import vectors_by_document
from search.vectors.tables import tables_of
from workers.adapting.examples import Examples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.models import EvaluationQuery, EvaluationSet
    from workers.adapting.examples import JudgedExample
    from workers.jobs.context import JobContext

    Asked = tuple[EvaluationQuery, NDArray[np.float32]]


def examples_of_set(version: ModelVersion, evaluation_set: EvaluationSet, ctx: JobContext) -> Examples:
    """Return all that a version without an adapter can learn from a set.

    The pairs of documents that answer its queries are left out of what is learned along: a query that is held out
    would be known by them.
    """
    found = {unit_kind(table.kind).target for table in tables_of(version)}
    queries = [query for query in answerable(evaluation_set) if query.target in found]
    ctx.stage(f"ask {version}", len(queries))
    judged: list[JudgedExample] = []
    most, some = units_max(version, len(queries)), []
    for asked in queries_encoded(version, queries, ctx):
        some.append(asked)
        if len(some) == AT_ONCE:
            judged += _examples(version, some, evaluation_set.relevant_from, most)
            some = []
    judged += _examples(version, some, evaluation_set.relevant_from, most)
    documents = {document for query in queries for document in query.grades}
    collection = evaluation_set.collection_id
    images, texts = pairs(version, collection, but=documents)
    return Examples(judged, images, texts, background(version, collection))


def _examples(
    version: ModelVersion, asked: Sequence[Asked], relevant_from: int, most: int
) -> Iterator[JudgedExample]:
    """Yield the queries of which a relevant document has vectors."""
    for target in sorted({query.target for query, _ in asked}):
        kind = unit_kind_of(target)
        some = [(query, vectors) for query, vectors in asked if query.target == target]
        documents = {document for query, _ in some for document in query.grades}
        stored = vectors_by_document(version, kind.name, documents, limit=DOCUMENT_UNITS_MAX)
        for query, vectors in some:
            units = graded_units(query.grades, stored, relevant_from=relevant_from)
            if units.relevant:
                yield example(vectors[0], units, most, (query.modality, kind.modality), _group(query))


def _group(query: EvaluationQuery) -> str:
    """Return what queries that ask the same, or of the same document, have in common."""
    return f"document {query.document_id}" if query.document_id else f"{query.picture_id or query.text}"
