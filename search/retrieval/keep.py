"""The kept query: what was asked, its vectors, and its ranked answer, deeper than the first page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from django.db import connection

from search.models import Query
from search.retrieval.types import EncodedQuery, Plan, Unit
from workers.blobs import blob_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from search.querysets import Viewer
    from search.retrieval.types import Modality, SearchRequest, Target

KEPT_MAX = 1000
"""How deep an answer can be followed, in documents."""
_KEY = {"passages": "passage", "images": "image"}


def query_new(request: SearchRequest, encoded: EncodedQuery) -> Query:
    """Return the row of a new search, not saved yet."""
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
    )


def query_save(query: Query, preview: bytes | None) -> None:
    """Write the row in the caller's transaction, without waiting for the disk: losing it loses one old search."""
    if preview is not None:
        query.preview = blob_store(preview, "image/jpeg", durable=False)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    query.save(force_insert=True)


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
