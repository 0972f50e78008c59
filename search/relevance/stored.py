"""The stored calibrations of a version, kept in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import Count, Max

from retrieval_site.database.reading import alias
from retrieval_site.kept import Kept
from retrieval_site.typed_json import NotReadableError, from_json, to_json
from search.models import Calibration
from search.relevance.evidence import Space
from search.relevance.fitted import Fitted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion

RECHECK_SECONDS = 60.0
VERSIONS_KEPT = 64


@dataclass(frozen=True)
class Calibrated:
    """A calibration that can be asked."""

    fitted: Fitted
    space: Space

    def evidence(self, scores: NDArray[np.float64], query: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the evidence `(n,)` of scores that a query's vector `(dim,)` found."""
        return self.fitted.evidence(scores, query[None], self.space)


Places = dict[tuple[str, int | None], Calibrated]
"""By modality and collection."""


@dataclass(frozen=True)
class _PlacesRead:
    """What was read, and what said which rows those were."""

    stamp: tuple[datetime | None, int]
    places: Places


_kept = Kept[_PlacesRead](RECHECK_SECONDS, VERSIONS_KEPT)


def calibrations(version: ModelVersion, kind: str) -> Places:
    """Return the version's calibrations for a kind of unit.

    Once a minute it is asked whether there are others; only then they are read again, which may be tens of megabytes.
    """
    rows = Calibration.objects.using(alias()).filter(version=version, kind=kind)
    return _kept.renewed((version.pk, kind), lambda former: _read(rows, version.dim, former)).places


def calibrations_forget() -> None:
    """Forget them, so that they are read when they are next asked for."""
    _kept.clear()


def calibration_for(
    version: ModelVersion, kind: str, modality: str, collections: tuple[int, ...]
) -> Calibrated | None:
    """Return the calibration of the one collection that is searched, if it has one, else that of all."""
    found = calibrations(version, kind)
    own = found.get((modality, collections[0])) if len(collections) == 1 else None
    return own or found.get((modality, None))


def calibration_store(row: Calibration, fitted: Fitted, space: Space) -> None:
    """Write a calibration in place of the one before it."""
    Calibration.objects.update_or_create(
        version=row.version,
        modality=row.modality,
        kind=row.kind,
        collection=row.collection,
        defaults={
            "values": to_json(fitted),
            "space_mean": space.mean.astype("<f4").tobytes(),
            "space_basis": space.basis.astype("<f4").tobytes(),
        },
    )
    calibrations_forget()


def fitted_of(row: Calibration) -> Fitted | None:
    """Return what a row says; None where another version of Sightline wrote it."""
    try:
        return from_json(Fitted, row.values)
    except NotReadableError:
        return None


def _read(rows: QuerySet[Calibration], dim: int, former: _PlacesRead | None) -> _PlacesRead:
    """Return the former, unless another row was fitted since or one is gone."""
    found = rows.aggregate(latest=Max("fitted_at"), count=Count("pk"))
    stamp = found["latest"], found["count"]
    return former if former and former.stamp == stamp else _PlacesRead(stamp, _readable(rows, dim))


def _readable(rows: Iterable[Calibration], dim: int) -> Places:
    places: Places = {}
    for row in rows:
        if fitted := fitted_of(row):
            space = Space(_floats(row.space_mean), _floats(row.space_basis).reshape(-1, dim))
            places[row.modality, row.collection_id] = Calibrated(fitted, space)
    return places


def _floats(stored: bytes | memoryview[int]) -> NDArray[np.float32]:
    return np.frombuffer(bytes(stored), dtype="<f4")
