"""Fitting a version's calibrations: a step of the jobs that make its vectors, and a job of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models_admin.services import versions_live
from search.models import Calibration, Collection
from search.relevance.fitted import fit
from search.relevance.labels import judged_labels, judgement_count, pair_count, pair_labels
from search.relevance.stored import calibration_store, fitted_of
from search.units.image import IMAGE
from search.units.passage import PASSAGE
from search.units.registry import unit_kind
from search.vectors.tables import VectorTable, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models_admin.models import ModelVersion
    from search.relevance.fitted import Labels, Source
    from workers.jobs.context import JobContext

PAIRS_MIN = 100
"""Documents with picture and text, below which nothing can be said of one in fifty."""
JUDGEMENTS_MIN = 200
CLASS_MIN = 20
"""Hits that are relevant, and hits that are not, at least."""
GROWTH = 1.25
"""A calibration is fitted again when so many times more of what it was fitted to is there."""
COLLECTIONS_MAX = 50
MODALITIES = ("image", "text")


@dataclass(frozen=True)
class _Place:
    """Where a calibration counts, and what there is to fit it to."""

    modality: str
    kind: str
    collection: int | None
    pairs: int
    judgements: int

    @property
    def source(self) -> Source | None:
        """What it is fitted to: judgements where there are enough, else pairs; None for neither."""
        if self.judgements >= JUDGEMENTS_MIN:
            return "judgements"
        return "pairs" if self.pairs >= PAIRS_MIN else None


def calibrate_version(version: ModelVersion, ctx: JobContext) -> int:
    """Fit the version's calibrations that are missing or that have more to learn from by now; return how many."""
    return sum(_fit(version, place, ctx) for place in _due(version))


def calibrations_due() -> bool:
    """Return whether a calibration of a live version is missing or has more to learn from by now."""
    return any(True for version in versions_live() for _ in _due(version))


def _due(version: ModelVersion) -> Iterator[_Place]:
    known = {
        (row.modality, row.kind, row.collection_id): fitted_of(row) for row in version.calibrations.all()
    }
    for place in _places(version):
        fitted = known.get((place.modality, place.kind, place.collection))
        if place.source and (
            fitted is None
            or fitted.source != place.source
            or getattr(place, place.source) >= GROWTH * getattr(fitted, place.source)
        ):
            yield place


def _places(version: ModelVersion) -> Iterator[_Place]:
    """Yield all of the version's calibrations that there could be: for everything, and for a collection.

    A collection that has all there is to learn from needs none of its own.
    """
    everything = list(_places_in(version, None))
    yield from everything
    for collection in Collection.objects.order_by("pk").values_list("pk", flat=True)[:COLLECTIONS_MAX]:
        own = zip(_places_in(version, collection), everything, strict=True)
        yield from (one for one, of_all in own if one != replace(of_all, collection=collection))


def _places_in(version: ModelVersion, collection: int | None) -> Iterator[_Place]:
    tables = tables_of(version)
    both = {VectorTable(version.pk, kind.name) for kind in (IMAGE, PASSAGE)} <= set(tables)
    pairs = pair_count(version, collection) if both else 0
    for table in tables:
        for modality in MODALITIES:
            of_pairs = pairs if (modality, table.kind) == ("image", PASSAGE.name) else 0
            judgements = judgement_count(version, modality, unit_kind(table.kind).target, collection)
            yield _Place(modality, table.kind, collection, of_pairs, judgements)


def _fit(version: ModelVersion, place: _Place, ctx: JobContext) -> bool:
    """Fit one calibration and store it; return whether there were enough labels of both kinds."""
    ctx.stage(f"calibrate {place.modality} → {place.kind}s of {version}", counted=False)
    labels = _labels(version, place, ctx)
    relevant = int(labels.relevant.sum())
    if not CLASS_MIN <= relevant <= len(labels.relevant) - CLASS_MIN or place.source is None:
        return False
    fitted, space = fit(labels, version.similarity, place.source)
    row = Calibration(
        version=version, modality=place.modality, kind=place.kind, collection_id=place.collection
    )
    calibration_store(row, replace(fitted, pairs=place.pairs, judgements=place.judgements), space)
    return True


def _labels(version: ModelVersion, place: _Place, ctx: JobContext) -> Labels:
    if place.source == "judgements":
        return judged_labels(version, place.modality, unit_kind(place.kind).target, place.collection)
    return pair_labels(version, place.collection, ctx)
