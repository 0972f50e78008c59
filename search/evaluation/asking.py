"""Asking the queries of an evaluation set under a version: the documents that its vectors find, best first."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from django.db.models import Prefetch

from retrieval_site.errors import AppError
from search.indexing.encoders import encoder_of
from search.indexing.units import BATCH_UNITS
from search.judged import asking as judged_asking
from search.judged.asking import DEEP, encoded_batch, readable
from search.models import Query, QueryPart
from search.pictures import picture_prepared
from search.retrieval.encode import Known
from search.retrieval.runner import Asked, run
from search.retrieval.scope import make_scope, table_for
from search.retrieval.types import EncodedPart, EncodedQuery
from search.units.pictures import image_spec
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.models import EvaluationQuery
    from search.retrieval.types import Modality
    from workers.inference.encoder import Encoder
    from workers.jobs.context import JobContext

    Rankings = dict[int, list[int]]


def rankings(
    version: ModelVersion, collection: int | None, queries: Sequence[EvaluationQuery], ctx: JobContext
) -> Rankings:
    """Return each query's documents, best first, by its id, as far as the version can be asked.

    Judged searches are asked as those who made them would ask them now; all others in the `collection`.
    """
    judged = [query for query in queries if query.judged_id]
    found = _judged(version, judged, ctx) if judged else {}
    if collection is not None:
        own = [query for query in queries if not query.judged_id]
        found |= _own(version, collection, own, ctx)
    return found


def _judged(version: ModelVersion, queries: Sequence[EvaluationQuery], ctx: JobContext) -> Rankings:
    parts = Prefetch("parts", QueryPart.objects.defer("embedding").select_related("preview"))
    rows = Query.objects.filter(pk__in=[query.judged_id for query in queries])
    searches = list(rows.defer("answer").select_related("user").prefetch_related(parts))
    found = judged_asking.rankings(version, searches, ctx)
    return {query.pk: found[query.judged_id] for query in queries if query.judged_id in found}


def _own(
    version: ModelVersion, collection: int, queries: Sequence[EvaluationQuery], ctx: JobContext
) -> Rankings:
    ctx.stage(f"ask {version}", len(queries))
    found = {}
    for query, vectors in queries_encoded(version, queries, ctx):
        part = EncodedPart(cast("Modality", query.modality), vectors, text=query.text)
        documents = _finds(query, collection, EncodedQuery(version, (part,)))
        if documents is not None:
            found[query.pk] = documents
    return found


def queries_encoded(
    version: ModelVersion, queries: Sequence[EvaluationQuery], ctx: JobContext
) -> Iterator[tuple[EvaluationQuery, NDArray[np.float32]]]:
    """Yield the queries by words or a picture that this version can encode, with their vectors `(1, dim)`.

    The job advances by all of `queries`, whose stage the caller began.
    """
    encoder = encoder_of(version)
    size = BATCH_UNITS[encoder.device]["image"]
    for modality, rows in groupby(sorted(queries, key=_kind), key=_kind):
        asked = list(rows)
        for batch in (asked[start : start + size] for start in range(0, len(asked), size)):
            yield from _encoded(version, encoder, modality, batch)
            ctx.advance(len(batch))
            ctx.checkpoint()


def _kind(query: EvaluationQuery) -> str:
    return query.modality


def _encoded(
    version: ModelVersion, encoder: Encoder, modality: str, queries: Sequence[EvaluationQuery]
) -> Iterator[tuple[EvaluationQuery, NDArray[np.float32]]]:
    """Yield the queries that this version can encode, with their vectors `(1, dim)`."""
    if modality not in version.manifest["modalities"]:
        return
    if modality == "text":
        yield from encoded_batch(encoder, "text", [(query, query.text) for query in queries])
    else:
        pixels = readable(queries, lambda query: _pixels(query, encoder))
        yield from encoded_batch(encoder, "image", pixels)


def _pixels(query: EvaluationQuery, encoder: Encoder) -> Any:
    if query.picture is None:
        raise AppError("blob.missing/photo")
    with blob_open(query.picture) as file:
        return picture_prepared(file.read(), image_spec(encoder)).pixels


def _finds(query: EvaluationQuery, collection: int, encoded: EncodedQuery) -> list[int] | None:
    """Return the documents of the collection, best first; None where the version has no vectors of that target."""
    try:
        table = table_for(encoded.version, query.target)
    except AppError:
        return None
    asked = Asked(Known(encoded), make_scope(table, (collection,), {}), DEEP, DEEP)
    return [document.document_id for document in run(asked).documents]
