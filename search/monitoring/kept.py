"""Kept searches of one part with their vectors, as measurements ask them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import Exists, OuterRef, TextField
from django.db.models.functions import MD5, Cast

from search.models import QueryPart
from search.units.registry import unit_kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    from django.db.models import QuerySet
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion

MODALITIES = ("image", "text", "document")
_SECOND = QueryPart.objects.filter(query=OuterRef("query"), place=1)


@dataclass(frozen=True)
class WatchedDirection:
    """What searches ask with, and the kind of unit that they look for, under one version."""

    version: ModelVersion
    kind: str
    modality: str

    @property
    def key(self) -> dict[str, Any]:
        """The fields of a row of this direction."""
        return {"version": self.version, "kind": self.kind, "modality": self.modality}


@dataclass(frozen=True)
class KeptVector:
    """A kept search's vector `(vectors, dim)` and the score of its first hit by vectors, None where it has none."""

    vectors: NDArray[np.float32]
    best: float | None


def kept_vectors(
    direction: WatchedDirection, most: int, *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[KeptVector]:
    """Yield a sample of at most so many kept searches of a direction that were not moved by marks.

    The sample is a fixed one, by a hash of their ids: it changes only as searches come and go.
    """
    rows = _of_direction(direction)
    if since:
        rows = rows.filter(query__created_at__gte=since)
    if until:
        rows = rows.filter(query__created_at__lt=until)
    sampled = rows.order_by(MD5(Cast("query_id", TextField())))
    for embedding, answer, plan in sampled.values_list("embedding", "query__answer", "query__plan")[
        :most
    ].iterator(50):
        vectors = np.frombuffer(embedding or b"", dtype="<f4").reshape(-1, direction.version.dim)
        if len(vectors):
            yield KeptVector(vectors, _best(answer, plan))


def has_kept(direction: WatchedDirection) -> bool:
    """Return whether a search of this direction is kept, so that it can be asked again."""
    return _of_direction(direction).exists()


def _of_direction(direction: WatchedDirection) -> QuerySet[QueryPart]:
    return QueryPart.objects.filter(
        ~Exists(_SECOND),
        query__version=direction.version,
        query__target=unit_kind(direction.kind).target,
        query__marked__isnull=True,
        modality=direction.modality,
        embedding__isnull=False,
    )


def _best(answer: list[dict[str, Any]], plan: dict[str, Any]) -> float | None:
    """Return the best score by vectors in a kept answer; where words were asked too, of the hits vectors found."""
    fused = len(plan.get("retrievers", ())) > 1
    scores = [hit.get("by_vectors") if fused else hit["score"] for hit in answer]
    return max((score for score in scores if score is not None), default=None)
