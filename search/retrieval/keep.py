"""The kept query: what was asked, its vectors, and its ranked answer, deeper than the first page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from django.core.files.base import ContentFile
from django.db import connection, transaction

from retrieval_site.database import Prepared, in_one_trip
from retrieval_site.rows import insert
from search.models import Query
from search.retrieval.rank import best_by_document
from search.retrieval.types import EncodedQuery, Plan, Unit
from workers.storage.blobs import blob_of, file_put, row_put

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from search.querysets import Viewer
    from search.retrieval.looking import Looked
    from search.retrieval.types import Modality, Target

KEPT_FIRST = 100
"""Documents kept of the first look, where it finds so many: several pages without looking again."""
KEPT_MAX = 1000
"""How deep an answer can be followed, in documents."""
_UNWAITED = Prepared("SET LOCAL synchronous_commit = off")
_KEY = {"passages": "passage", "images": "image"}


def query_new(looked: Looked, encoded: EncodedQuery) -> Query:
    """Return the row of a new search with its ranked answer, not saved yet."""
    request, found = looked.request, looked.found
    ranked = best_by_document(found.units)
    kept = ranked[: max(KEPT_FIRST, request.limit)]
    return Query(
        user_id=_user_id(request.viewer),
        session="" if _user_id(request.viewer) else request.session[:40],
        modality=encoded.modality,
        text=request.text or "",
        document_id=request.document,
        target=request.target,
        collections=list(request.collections),
        filters=request.filters,
        version=encoded.version,
        embedding=encoded.vectors.astype("<f4").tobytes(),
        answer=entries(kept, request.target),
        plan=plan_json(found.plan, more=len(kept) < len(ranked) or not found.exhausted),
        warnings=looked.warnings,
    )


@transaction.atomic
def query_save(query: Query, preview: bytes | None) -> None:
    """Write the row, without waiting for the disk: losing it loses one old search."""
    query.preview = blob_of(preview, "image/jpeg") if preview else None
    with in_one_trip():
        with connection.cursor() as cursor:
            cursor.execute(_UNWAITED)
        if query.preview:
            row_put(query.preview)
        insert(query)
    if query.preview and preview:
        file_put(query.preview.storage_name, ContentFile(preview), len(preview), durable=False)


def plan_json(plan: Plan, *, more: bool) -> dict[str, Any]:
    """Return the plan as kept; `more`: there may be documents behind the kept answer."""
    return {
        "kind": plan.kind,
        "candidates": plan.candidates,
        "ef_search": plan.ef_search,
        "more": more,
    }


def entries(units: Iterable[Unit], target: str) -> list[dict[str, Any]]:
    """Return units as the answer keeps them."""
    return [
        {"document": unit.document_id, "passage": None, "image": None, "score": round(unit.score, 6)}
        | {_KEY[target]: unit.unit_id}
        for unit in units
    ]


def units_of(query: Query, kept: Sequence[dict[str, Any]]) -> list[Unit]:
    """Return kept entries as units."""
    return [Unit(entry[_KEY[query.target]], entry["document"], entry["score"]) for entry in kept]


def target_of(query: Query) -> Target:
    """Return what was searched for."""
    return cast("Target", query.target)


def modality_of(query: Query) -> Modality:
    """Return what was searched with."""
    return cast("Modality", query.modality)


def plan_of(query: Query) -> Plan:
    """Return the plan that found the first page."""
    plan = query.plan
    return Plan(plan.get("kind", "exact"), plan.get("candidates", 0), plan.get("ef_search"))


def encoded_of(query: Query) -> EncodedQuery | None:
    """Return the kept vectors; None where the version is gone."""
    version = query.version
    if version is None or query.embedding is None:
        return None
    vectors = np.frombuffer(bytes(query.embedding), dtype="<f4").reshape(-1, version.dim)
    return EncodedQuery(version, modality_of(query), vectors)


def asked_by(query: Query, viewer: Viewer) -> bool:
    """Return whether the viewer has the asker's permissions: the same person, or both are anonymous."""
    return query.user_id == _user_id(viewer)


def _user_id(viewer: Viewer) -> int | None:
    return viewer.pk if viewer is not None and viewer.is_authenticated else None
