"""Fitting a version's calibrations: a step of the jobs that make its vectors, and a job of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db import transaction

from models_admin.versions import versions_live
from search.job_types import CALIBRATE
from search.models import Calibration, Collection
from search.relevance.fitted import HELD_OUT_QUERIES_MIN, fit
from search.relevance.labels import judged_labels, judgement_counts, pair_counts, pair_labels
from search.relevance.shift import deciles, standardised
from search.relevance.stored import calibration_store, fitted_of
from search.units.image import IMAGE
from search.units.passage import PASSAGE
from search.units.registry import unit_kind
from search.vectors.tables import VectorTable, tables_of
from workers.jobs.services import job_create_once
from workers.models import JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models_admin.models import ModelVersion
    from search.relevance.fitted import Fitted, Labels, Source
    from workers.jobs.context import JobContext
    from workers.models import Job

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
    def sources(self) -> list[Source]:
        """What it can be fitted to: judgements where there are enough, and after them pairs."""
        enough: list[tuple[Source, bool]] = [
            ("judgements", self.judgements >= JUDGEMENTS_MIN),
            ("pairs", self.pairs >= PAIRS_MIN),
        ]
        return [source for source, is_enough in enough if is_enough]

    def has_more_than(self, fitted: Fitted) -> bool:
        """Return whether there is more to learn from than there was when a calibration was fitted."""
        best, *_ = self.sources
        # Judgements that were enough then, and were not taken, lacked one of the classes or queries.
        lacking = best == "judgements" and fitted.judgements >= JUDGEMENTS_MIN
        if fitted.source != best and not lacking:
            return True
        return any(getattr(self, name) >= GROWTH * getattr(fitted, name) for name in {best, fitted.source})


def calibrate_version(version: ModelVersion, ctx: JobContext) -> int:
    """Fit the version's calibrations that are missing or that have more to learn from by now; return how many."""
    return sum(_fit(version, place, ctx) for place in _due(version))


def calibrations_due() -> bool:
    """Return whether a calibration of a live version is missing or has more to learn from by now."""
    return any(True for version in versions_live() for _ in _due(version))


def calibrations_renew() -> Job | None:
    """Start fitting anew what another release of Sightline fitted, which this one does not read; None without any.

    Such calibrations are deleted with that, so each starts one job, whatever comes of it.
    """
    unread = [row for row in Calibration.objects.only("values") if fitted_of(row) is None]
    with transaction.atomic():
        rows = (Calibration.objects.filter(pk=row.pk, values=row.values) for row in unread)
        if not sum(each.delete()[0] for each in rows):
            return None
        return job_create_once(CALIBRATE, CALIBRATE.parameters(), states=[JobState.QUEUED])[0]


def _due(version: ModelVersion) -> Iterator[_Place]:
    known = {
        (row.modality, row.kind, row.collection_id): fitted_of(row) for row in version.calibrations.all()
    }
    for place in _places(version):
        fitted = known.get((place.modality, place.kind, place.collection))
        if place.sources and (fitted is None or not fitted.reference or place.has_more_than(fitted)):
            yield place


def _places(version: ModelVersion) -> Iterator[_Place]:
    """Yield all of the version's calibrations that there could be: for everything, and for a collection.

    A collection that has all there is to learn from needs none of its own.
    """
    known = list(_known(version))
    yield from (each.in_collection(None) for each in known)
    for collection in Collection.objects.order_by("pk").values_list("pk", flat=True)[:COLLECTIONS_MAX]:
        yield from (each.in_collection(collection) for each in known if not each.is_all_in(collection))


@dataclass(frozen=True)
class _Known:
    """What there is to fit the calibrations of one direction to, by collection."""

    modality: str
    kind: str
    pairs: dict[int, int]
    judgements: dict[int, int]

    def in_collection(self, collection: int | None) -> _Place:
        pairs, judgements = (
            sum(counts.values()) if collection is None else counts.get(collection, 0)
            for counts in (self.pairs, self.judgements)
        )
        return _Place(self.modality, self.kind, collection, pairs, judgements)

    def is_all_in(self, collection: int) -> bool:
        return set(self.pairs) | set(self.judgements) <= {collection}


def _known(version: ModelVersion) -> Iterator[_Known]:
    tables = tables_of(version)
    both = {VectorTable(version.pk, kind.name) for kind in (IMAGE, PASSAGE)} <= set(tables)
    pairs = pair_counts(version) if both else {}
    for table in tables:
        for modality in MODALITIES:
            of_pairs = pairs if (modality, table.kind) == ("image", PASSAGE.name) else {}
            judgements = judgement_counts(version, modality, unit_kind(table.kind).target)
            yield _Known(modality, table.kind, of_pairs, judgements)


def _fit(version: ModelVersion, place: _Place, ctx: JobContext) -> bool:
    """Fit one calibration and store it; return whether there were enough queries, and labels of both kinds."""
    ctx.stage(f"calibrate {place.modality} → {place.kind}s of {version}", counted=False)
    found = ((source, _labels(version, place, source, ctx)) for source in place.sources)
    usable = next(((source, labels) for source, labels in found if _is_usable(labels)), None)
    if usable is None:
        return False
    source, labels = usable
    fitted, space = fit(labels, version.similarity, source)
    row = Calibration(
        version=version, modality=place.modality, kind=place.kind, collection_id=place.collection
    )
    counted = replace(fitted, pairs=place.pairs, judgements=place.judgements)
    calibration_store(row, replace(counted, reference=_reference(version, place, labels)), space)
    return True


def _is_usable(labels: Labels) -> bool:
    relevant = int(labels.relevant.sum())
    both = CLASS_MIN <= relevant <= len(labels.relevant) - CLASS_MIN
    return both and len(labels.vectors) >= HELD_OUT_QUERIES_MIN


def _reference(version: ModelVersion, place: _Place, labels: Labels) -> tuple[float, ...]:
    """Return the deciles of the fitted queries' best scores, standardised by the background."""
    table = VectorTable(version.pk, place.kind)
    kept = zip(labels.vectors, labels.best, strict=True)
    return deciles(
        [standardised(version, table, place.modality, vector[None], best) for vector, best in kept]
    )


def _labels(version: ModelVersion, place: _Place, source: Source, ctx: JobContext) -> Labels:
    if source == "judgements":
        return judged_labels(version, place.modality, unit_kind(place.kind).target, place.collection)
    return pair_labels(version, place.collection, ctx)
