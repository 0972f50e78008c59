"""Asking kept searches again, under any version: the documents, best first, that their askers would find now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db import transaction

from retrieval_site.errors import AppError
from search.indexing.encoders import encoder_of
from search.indexing.units import BATCH_UNITS, UnitBatch, encode, image_spec
from search.pictures import picture_prepared
from search.retrieval.candidates import find_candidates, make_plan, set_plan
from search.retrieval.encode import document_parts
from search.retrieval.keep import modality_of, target_of
from search.retrieval.rank import best_by_document
from search.retrieval.scope import make_scope, table_for, visible_collections
from search.retrieval.types import EncodedQuery
from workers.inference.errors import InferenceError
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from uuid import UUID

    import numpy as np
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.models import Query
    from search.vectors.tables import UnitKind
    from workers.inference.encoder import Encoder
    from workers.jobs.context import JobContext

    Vectors = NDArray[np.float32]

DEEP = 100
"""Documents looked at: of those that were judged, enough are among them to compare their order."""


def rankings(version: ModelVersion, queries: Sequence[Query], ctx: JobContext) -> dict[UUID, list[int]]:
    """Return each query's documents, best first, under this version.

    Left out are queries that cannot be asked again: their photo or collection is gone, the version does not encode
    what they are made of, or they were a vector of another model. `queries` come with their users and previews.
    """
    encoder = encoder_of(version)
    size = BATCH_UNITS[encoder.device]["image"]
    ctx.stage(f"ask {version} again", len(queries))
    found = {}
    for start in range(0, len(queries), size):
        batch = queries[start : start + size]
        for query, vectors in _encoded(version, encoder, batch):
            documents = _documents(version, query, vectors)
            if documents is not None:
                found[query.pk] = documents
        ctx.advance(len(batch))
        ctx.checkpoint()
    return found


def _encoded(
    version: ModelVersion, encoder: Encoder, queries: Sequence[Query]
) -> Iterator[tuple[Query, Vectors]]:
    """Yield the queries that can be encoded, with their vectors `(parts, dim)`."""
    encodes = version.manifest["modalities"]
    if "text" in encodes:
        texts = [(query, query.text) for query in queries if query.modality == "text"]
        yield from _batch(encoder, "passage", texts)
    if "image" in encodes:
        photos = (query for query in queries if query.modality == "image")
        yield from _batch(encoder, "image", _readable(photos, lambda query: _photo(query, encoder)))
    documents = (query for query in queries if query.modality == "document")
    yield from _readable(
        documents, lambda query: document_parts(version, query.document_id, target_of(query))
    )


def _batch(
    encoder: Encoder, kind: UnitKind, asked: Iterable[tuple[Query, Any]]
) -> Iterator[tuple[Query, Vectors]]:
    queries = dict(enumerate(asked))
    if queries:
        done = encode(encoder, kind, UnitBatch(list(queries), [given for _, given in queries.values()]))
        yield from (
            (queries[row][0], vector[None]) for row, vector in zip(done.ids, done.vectors, strict=True)
        )


def _readable(queries: Iterable[Query], read: Callable[[Query], Any]) -> Iterator[tuple[Query, Any]]:
    """Yield the queries whose parts are still there, with them."""
    for query in queries:
        try:
            yield query, read(query)
        except (AppError, InferenceError):
            continue


def _photo(query: Query, encoder: Encoder) -> Any:
    if query.preview is None:
        raise AppError("blob.missing/photo")
    with blob_open(query.preview) as file:
        return picture_prepared(file.read(), image_spec(encoder)).pixels


def _documents(version: ModelVersion, query: Query, vectors: Vectors) -> list[int] | None:
    """Return what the asker finds, None where they no longer may look there."""
    try:
        collections = visible_collections(query.user, query.collections)
        table = table_for(version, target_of(query))
    except AppError:
        return None
    scope = make_scope(table, collections, query.filters)
    if query.document_id is not None:
        scope = replace(scope, excluded=frozenset([query.document_id]))
    encoded = EncodedQuery(version, modality_of(query), vectors)
    plan = make_plan(version, scope, DEEP)
    with transaction.atomic():
        set_plan(plan)
        found = find_candidates(encoded, scope, DEEP, plan)
    return [unit.document_id for unit in best_by_document(found.units)[:DEEP]]
