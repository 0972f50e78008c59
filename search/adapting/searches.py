"""Which searches a version may learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Prefetch

from search.exports import CHUNK_ROWS
from search.judged.searches import liked_searches, measures_models
from search.models import QueryPart
from search.units.registry import unit_kind
from search.vectors.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models_admin.models import ModelVersion
    from search.models import Query

SEARCHES_MAX = 2_000
"""The newest so many are learned from."""
ASKS = ("image", "text")


def learnable_searches(version: ModelVersion, collection: int | None = None) -> Iterator[Query]:
    """Yield the searches that a version without an adapter may learn from, the newest first.

    By one photo or words, for what the version has vectors of, with a document that somebody found relevant. Those that
    measure models are left out. Their parts are loaded, but neither answers nor vectors.
    """
    parts = Prefetch("parts", QueryPart.objects.defer("embedding"))
    rows = liked_searches(collection).defer("answer").prefetch_related(parts)
    targets = {unit_kind(table.kind).target for table in tables_of(version)}
    asks = [modality for modality in ASKS if modality in version.manifest.get("modalities", ())]
    rows = rows.filter(target__in=targets, parts__modality__in=asks)
    return (query for query in rows.iterator(CHUNK_ROWS) if not measures_models(query))
