"""Keep: what was asked, its vectors, and its ranked answer, deeper than the first page.

It comes behind the answer's reads. A search that cannot be kept is answered all the same.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection, transaction

from retrieval_site.database import Prepared, in_one_trip
from retrieval_site.rows import insert
from search.models import Query, QueryPart
from search.retrieval.encode import the_part
from search.retrieval.modes import mode_for
from search.retrieval.types import (
    DocumentPart,
    EncodedPart,
    EncodedQuery,
    ImagePart,
    Plan,
    RankedDocument,
    Ranking,
    TextPart,
)
from search.units.registry import unit_kind, unit_kind_of
from workers.storage.blobs import blob_of, file_put, row_put

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.querysets import Viewer
    from search.retrieval.encode import Encoding
    from search.retrieval.modes import Ways
    from search.retrieval.types import Modality, Mode, Part, SearchRequest, SearchWarning

logger = logging.getLogger(__name__)
KEPT_FIRST = 100
"""Documents kept of the first look, where it finds so many: several pages without looking again."""
KEPT_MAX = 1000
"""How deep an answer can be followed, in documents."""
NOT_KEPT: SearchWarning = {
    "id": "query.not_kept",
    "message": "This search could not be kept: it has no further pages, no link, and cannot be judged.",
    "detail": {},
}
_UNWAITED = Prepared("SET LOCAL synchronous_commit = off")


def query_new(
    request: SearchRequest, query: EncodedQuery, ranking: Ranking, warnings: Iterable[SearchWarning]
) -> Query:
    """Return the row of a new search with its part and its ranked answer, not saved yet."""
    row = Query(
        user_id=_user_id(request.viewer),
        session="" if _user_id(request.viewer) else request.session[:40],
        target=unit_kind(ranking.kind).target,
        mode=request.mode,
        collections=list(request.collections),
        filters=request.filters,
        sort=request.sort,
        version=query.version,
        embedding=b"" if query.nothing_known else query.parts[0].vectors.astype("<f4").tobytes(),
        answer=entries(ranking.documents, ranking.kind),
        plan=plan_json(ranking.plan, more=ranking.more) | ({"collapsed": True} if request.collapse else {}),
        warnings=list(warnings),
    )
    row.part = _part_new(row, request)
    return row


def _part_new(row: Query, request: SearchRequest) -> QueryPart:
    part = the_part(request.parts)
    return QueryPart(
        query=row,
        place=0,
        modality=part.modality,
        weight=part.weight,
        text=part.text if isinstance(part, TextPart) else "",
        document_id=part.document_id if isinstance(part, DocumentPart) else None,
        text_read=None if request.read is None else [one.to_json() for one in request.read],
        **_of_picture(part),
    )


def _of_picture(part: Part) -> dict[str, Any]:
    """Return which picture was asked with, and which part of it."""
    if not isinstance(part, ImagePart):
        return {}
    crop = list(part.crop) if part.crop else None
    return {"crop": crop, "turn": part.turn, "digest": part.picture.digest}


def keep(query: Query, encoding: Encoding) -> bool:
    """Write the row, its part and a photo's small copy, which comes behind its vectors; return whether they are kept.

    What cannot be kept gets the warning `query.not_kept`.
    """
    if not settings.CONFIG.keep_queries:
        return False
    try:
        _save(query, encoding.preview())
    except Exception:
        logger.exception("A search could not be kept; it was answered without an id.")
        query.warnings.append(NOT_KEPT)
        return False
    return True


def _save(query: Query, preview: bytes | None) -> None:
    """Write all in one transaction, whose commit does not wait for the disk: losing it loses one old search."""
    part = cast("QueryPart", query.part)  # of `query_new`
    part.preview = blob_of(preview, "image/jpeg") if preview else None
    with transaction.atomic():
        with in_one_trip():
            with connection.cursor() as cursor:
                cursor.execute(_UNWAITED)
            if part.preview:
                row_put(part.preview)
            insert(query)
            insert(part)
        if part.preview and preview:
            file_put(part.preview.storage_name, ContentFile(preview), len(preview), durable=False)


def plan_json(plan: Plan, *, more: bool) -> dict[str, Any]:
    """Return the plan as kept; `more`: there may be documents behind the kept answer."""
    return {
        "kind": plan.kind,
        "candidates": plan.candidates,
        "ef_search": plan.ef_search,
        "retrievers": list(plan.retrievers),
        "more": more,
    }


def entries(documents: Iterable[RankedDocument], kind: str) -> list[dict[str, Any]]:
    """Return ranked documents as the answer keeps them."""
    return [
        {"document": ranked.document_id, kind: ranked.unit_id, "score": ranked.score}
        | ({"same_as": ranked.same_as} if ranked.same_as else {})
        for ranked in documents
    ]


def ranking_of(query: Query) -> Ranking:
    """Return the kept answer; no calibration was kept with it."""
    kind = unit_kind_of(query.target).name
    documents = tuple(
        RankedDocument(entry["document"], entry[kind], entry["score"], same_as=entry.get("same_as"))
        for entry in query.answer
    )
    more = bool(query.plan.get("more")) and len(documents) < KEPT_MAX
    return Ranking(documents, kind, plan_of(query), more=more)


def modality_of(query: Query) -> Modality:
    """Return what was searched with."""
    return cast("Modality", query.modality)


def mode_of(query: Query) -> Ways:
    """Return how the query was searched for."""
    return mode_for(cast("Mode", query.mode), (TextPart(query.text),) if query.modality == "text" else ())


def plan_of(query: Query) -> Plan:
    """Return the plan that found the first page."""
    plan = query.plan
    return Plan(
        plan.get("kind", "exact"),
        plan.get("candidates", 0),
        plan.get("ef_search"),
        tuple(plan.get("retrievers", ("dense",))),
    )


def encoded_of(query: Query) -> EncodedQuery | None:
    """Return the kept vectors; None where the version is gone."""
    version = query.version
    if version is None or query.embedding is None:
        return None
    vectors = np.frombuffer(bytes(query.embedding), dtype="<f4").reshape(-1, version.dim)
    part = EncodedPart(modality_of(query), vectors, text=query.text)
    return EncodedQuery(version, (part,), nothing_known=not len(vectors))


def asked_documents(query: Query) -> frozenset[int]:
    """Return the documents that were asked with, which are no answer."""
    return frozenset(part.document_id for part in query.parts.all() if part.document_id is not None)


def asked_by(query: Query, viewer: Viewer) -> bool:
    """Return whether the viewer has the asker's permissions: the same person, or both are anonymous."""
    return query.user_id == _user_id(viewer)


def _user_id(viewer: Viewer) -> int | None:
    return viewer.pk if viewer is not None and viewer.is_authenticated else None
