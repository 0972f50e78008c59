"""What an adapter is learned from: judged searches that may train, pairs of documents, and a sample of all units."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from django.db.models import Prefetch

from search.adapting.searches import SEARCHES_MAX, learnable_searches
from search.exports import agreed_grades
from search.indexing.encoders import encoder_of
from search.judged.asking import queries_encoded
from search.judged.searches import asked_for
from search.models import Judgement, Query, QueryPart
from search.relevance.labels import pictures_of_pairs, units_sample
from search.retrieval.keep import part_vectors
from search.services.judgements import NOT_RELEVANT, RELEVANT
from search.units.image import IMAGE
from search.units.passage import PASSAGE
from search.units.registry import unit_kind, unit_kind_of
from search.vectors.read import vectors_by_document
from search.vectors.tables import tables_of
from workers.adapting.examples import Examples, JudgedExample

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.units.kind import UnitKind
    from workers.jobs.context import JobContext

    Floats = NDArray[np.float32]

AT_ONCE = 64
UNITS_MAX = 16
"""Relevant units of a search, and rejected ones: fewer where that would not fit into memory."""
FLOATS_MAX = 64 << 20
DOCUMENT_UNITS_MAX = 8
BACKGROUND_MAX = 4_096


def examples_of(version: ModelVersion, collection: int | None, ctx: JobContext) -> Examples:
    """Return all that there is to learn from for a version without an adapter, whose vectors are stored."""
    searches = [query.pk for query in islice(learnable_searches(version, collection), SEARCHES_MAX)]
    ctx.stage("collect marks", len(searches))
    units = units_max(version, len(searches))
    judged: list[JudgedExample] = []
    for start in range(0, len(searches), AT_ONCE):
        rows = Query.objects.filter(pk__in=searches[start : start + AT_ONCE]).order_by("-created_at")
        chunk = list(rows.prefetch_related(Prefetch("parts", QueryPart.objects.select_related("preview"))))
        judged += _examples(version, collection, chunk, units)
        ctx.advance(len(chunk))
        ctx.checkpoint()
    images, texts = pairs(version, collection)
    return Examples(judged, images, texts, background(version, collection))


def units_max(version: ModelVersion, searches: int) -> int:
    """Return how many relevant units, and rejected ones, of so many searches fit into memory."""
    return max(2, min(UNITS_MAX, FLOATS_MAX // max(1, 2 * searches * version.dim)))


def _examples(
    version: ModelVersion, collection: int | None, queries: Sequence[Query], most: int
) -> Iterator[JudgedExample]:
    """Yield the searches of which vectors and relevant documents are still there, each with up to `most` units."""
    grades = _grades(queries, collection)
    vectors = _vectors(version, queries)
    for target in sorted({query.target for query in queries}):
        kind = unit_kind_of(target)
        asked = [query for query in queries if query.target == target and query.pk in vectors]
        stored = _stored(version, kind, asked, grades)
        for query in asked:
            units = graded_units(grades.get(query.pk, {}), stored, shown=_shown(query, kind))
            if units.relevant and query.part:
                asked_with = (query.part.modality, kind.modality)
                yield example(vectors[query.pk], units, most, asked_with, asked_for(query))


def _grades(queries: Iterable[Query], collection: int | None) -> dict[Any, dict[int, int]]:
    rows = Judgement.objects.filter(query__in=[query.pk for query in queries])
    if collection is not None:
        rows = rows.filter(document__collection=collection)
    found: dict[Any, dict[int, int]] = {}
    for query_id, document, grade in agreed_grades(rows):
        found.setdefault(query_id, {})[document] = grade
    return found


def _vectors(version: ModelVersion, queries: Sequence[Query]) -> dict[Any, Floats]:
    """Return each query's vector (dim,): the kept one, where it was this version's, else it is encoded again."""
    found, others = {}, []
    for query in queries:
        kept = _kept(version, query)
        if kept is None:
            others.append(query)
        elif len(kept) == 1:
            found[query.pk] = kept[0]
    if others:
        encoded = queries_encoded(version, encoder_of(version), others)
        vectors = {query.pk: asked.parts[0].vectors for query, asked in encoded if len(asked.parts) == 1}
        found |= {query: rows[0] for query, rows in vectors.items() if len(rows) == 1}
    return found


def _kept(version: ModelVersion, query: Query) -> Floats | None:
    if query.version_id != version.pk or query.part is None or query.part.embedding is None:
        return None
    return part_vectors(query.part, version.dim)


def _stored(
    version: ModelVersion, kind: UnitKind, queries: Iterable[Query], grades: dict[Any, dict[int, int]]
) -> dict[int, dict[int, Floats]]:
    """Return the vectors of judged documents, first of the units that were shown."""
    documents = {document for query in queries for document in grades.get(query.pk, {})}
    shown = {unit for query in queries for unit in _shown(query, kind).values()}
    return vectors_by_document(version, kind.name, documents, first=shown, limit=DOCUMENT_UNITS_MAX)


def _shown(query: Query, kind: UnitKind) -> dict[int, int]:
    """Return by document the unit that stood in the kept answer."""
    return {hit["document"]: hit[kind.name] for hit in query.answer if hit.get(kind.name) is not None}


class GradedUnits(NamedTuple):
    """The units of relevant documents with their grades, the best first, and of each rejected document one."""

    relevant: list[Floats]
    grades: list[int]
    rejected: list[Floats]


def graded_units(
    grades: Mapping[int, int],
    stored: Mapping[int, dict[int, Floats]],
    *,
    shown: Mapping[int, int] | None = None,
    relevant_from: int = RELEVANT,
) -> GradedUnits:
    """Return the units of graded documents, first those that were `shown`; what is only related counts neither way."""
    found = GradedUnits([], [], [])
    for document, grade in sorted(grades.items(), key=lambda graded: -graded[1]):
        units = stored.get(document, {})
        first = units.get((shown or {}).get(document, 0))
        if grade >= relevant_from:
            vectors = ([] if first is None else [first]) + [one for one in units.values() if one is not first]
            found.relevant.extend(vectors)
            found.grades.extend([grade] * len(vectors))
        elif grade == NOT_RELEVANT and units:
            found.rejected.append(next(iter(units.values())) if first is None else first)
    return found


def example(
    query: Floats, units: GradedUnits, most: int, towers: tuple[str, str], group: str
) -> JudgedExample:
    """Return a search to learn from, with up to `most` units of either sort; `towers`: what asks and what is found.

    How right a unit is: its grade beside the best, as nDCG's gains are.
    """
    rejected = np.array(units.rejected[:most], np.float32).reshape(-1, len(query))
    best = max(units.grades)
    weights = np.array([grade / best for grade in units.grades[:most]], np.float32)
    return JudgedExample(query, np.stack(units.relevant[:most]), rejected, *towers, group, weights)


def pairs(
    version: ModelVersion, collection: int | None, *, but: Collection[int] = ()
) -> tuple[Floats, Floats]:
    """Return the pictures and the first passages of documents that have both, `but` these, (pairs, dim) each."""
    nothing = np.zeros((0, version.dim), np.float32)
    if not {IMAGE.name, PASSAGE.name} <= {table.kind for table in tables_of(version)}:
        return nothing, nothing
    pictures = {
        document: picture
        for document, picture in pictures_of_pairs(version, collection)
        if document not in but
    }
    passages = vectors_by_document(version, PASSAGE.name, pictures, limit=1)
    both = [(pictures[document], next(iter(units.values()))) for document, units in passages.items()]
    if not both:
        return nothing, nothing
    return np.stack([picture for picture, _ in both]), np.stack([passage for _, passage in both])


def background(version: ModelVersion, collection: int | None) -> dict[str, Floats]:
    """Return a sample of the units of each tower."""
    found: dict[str, list[Floats]] = {}
    for table in tables_of(version):
        sample = units_sample(table, collection, version.dim, BACKGROUND_MAX)
        found.setdefault(unit_kind(table.kind).modality, []).append(sample)
    return {tower: np.concatenate(samples) for tower, samples in found.items()}
