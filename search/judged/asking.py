"""Asking kept searches again, under any version: the documents, best first, that their askers would find now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from retrieval_site.errors import AppError
from search.indexing.encoders import encoder_of
from search.indexing.units import BATCH_UNITS, encode
from search.pictures import picture_prepared
from search.retrieval.encode import Known, document_units
from search.retrieval.keep import documents_left_out
from search.retrieval.runner import Asked, run
from search.retrieval.scope import scope_for
from search.retrieval.types import EncodedPart, EncodedQuery
from search.units.kind import UnitBatch
from search.units.pictures import image_spec
from search.vectors.dropped import told_once_dropped
from search.vectors.sharded.searching import is_of_shards
from workers.inference.errors import InferenceError
from workers.inference.framing import Framing
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from uuid import UUID

    import numpy as np
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.models import Query, QueryPart
    from search.retrieval.types import Modality as AskedModality
    from search.units.kind import Modality
    from workers.inference.encoder import Encoder
    from workers.jobs.context import JobContext

    Vectors = NDArray[np.float32]
    Find = Callable[[Query, EncodedQuery], list[int] | None]

Row = TypeVar("Row")

DEEP = 100
"""Documents looked at: of those that were judged, enough are among them to compare their order."""


def rankings(
    version: ModelVersion,
    queries: Sequence[Query],
    ctx: JobContext,
    *,
    find: Find | None = None,
) -> dict[UUID, list[int]]:
    """Return each query's documents, best first, under this version.

    Left out are queries that cannot be asked again: their photo or collection is gone, the version does not encode
    one of their parts, or that was a vector of another model. `queries` come with their users and parts.
    `find` looks for the documents of an encoded query, else vectors alone do; None says that it cannot be asked.
    Raises AppError `model.not_ready` where the version's vectors are dropped meanwhile.
    """
    encoder, find = encoder_of(version), find or asker_finds
    size = BATCH_UNITS[encoder.device]["image"]
    ctx.stage(f"ask {version} again", len(queries))
    found: dict[UUID, list[int]] = {}
    for start in range(0, len(queries), size):
        batch = queries[start : start + size]
        with told_once_dropped(version):
            ranked = {
                query.pk: find(query, asked) for query, asked in queries_encoded(version, encoder, batch)
            }
        found |= {query: documents for query, documents in ranked.items() if documents is not None}
        ctx.advance(len(batch))
        ctx.checkpoint()
    return found


def queries_encoded(
    version: ModelVersion, encoder: Encoder, queries: Sequence[Query]
) -> Iterator[tuple[Query, EncodedQuery]]:
    """Yield the queries of which every part can be encoded, with their vectors."""
    parts = [(query, part) for query in queries for part in query.asked]
    size = BATCH_UNITS[encoder.device]["image"]
    vectors: dict[UUID, Vectors] = {}
    for start in range(0, len(parts), size):
        vectors.update(_parts_encoded(version, encoder, parts[start : start + size]))
    for query in queries:
        asked = [_encoded_part(part, vectors[part.pk]) for part in query.asked if part.pk in vectors]
        if asked and len(asked) == len(query.asked):
            yield query, EncodedQuery(version, tuple(asked))


def _encoded_part(part: QueryPart, vectors: Vectors) -> EncodedPart:
    return EncodedPart(cast("AskedModality", part.modality), vectors, part.weight, part.text)


def _parts_encoded(
    version: ModelVersion, encoder: Encoder, parts: Sequence[tuple[Query, QueryPart]]
) -> Iterator[tuple[UUID, Vectors]]:
    """Yield the ids of the parts that can be encoded, with their vectors `(vectors, dim)`."""
    encodes = version.manifest["modalities"]
    if "text" in encodes:
        texts = [(part.pk, part.text) for _, part in parts if part.modality == "text"]
        yield from encoded_batch(encoder, "text", texts)
    if "image" in encodes:
        photos = {part.pk: part for _, part in parts if part.modality == "image"}
        yield from encoded_batch(encoder, "image", readable(photos, lambda key: _photo(photos[key], encoder)))
    documents = {part.pk: (query, part) for query, part in parts if part.modality == "document"}
    yield from readable(documents, lambda key: _of_document(*documents[key], version))


def encoded_batch(
    encoder: Encoder, modality: Modality, asked: Iterable[tuple[Row, Any]]
) -> Iterator[tuple[Row, Vectors]]:
    """Yield what is asked with the vector `(1, dim)` of its words or pixels, without what cannot be encoded."""
    queries = dict(enumerate(asked))
    if queries:
        done = encode(encoder, modality, UnitBatch(list(queries), [given for _, given in queries.values()]))
        yield from (
            (queries[row][0], vector[None]) for row, vector in zip(done.ids, done.vectors, strict=True)
        )


def readable(queries: Iterable[Row], read: Callable[[Row], Any]) -> Iterator[tuple[Row, Any]]:
    """Yield the queries whose parts are still there, with them."""
    for query in queries:
        try:
            yield query, read(query)
        except (AppError, InferenceError) as error:
            if isinstance(error, AppError) and is_of_shards(error):
                raise
            continue


def _photo(part: QueryPart, encoder: Encoder) -> Any:
    if part.preview is None:
        raise AppError("blob.missing/photo")
    with blob_open(part.preview) as file:
        return picture_prepared(
            file.read(), image_spec(encoder), framing=Framing(crop=part.shown_crop)
        ).pixels


def _of_document(query: Query, part: QueryPart, version: ModelVersion) -> Vectors:
    return document_units(version, part.document_id, query.target)


def asker_finds(query: Query, encoded: EncodedQuery) -> list[int] | None:
    """Return the documents that whoever made a search finds now by vectors alone, best first.

    None where they may not look there.
    """
    try:
        scope = scope_for(encoded.version, query.user, query.target, query.collections, query.filters)
    except AppError:
        return None
    asked = Asked(Known(encoded), replace(scope, excluded=documents_left_out(query)), DEEP, DEEP)
    documents = run(asked).documents
    return [document.document_id for document in documents]
