"""What people's judgements say of a version: measured by a job, kept with the version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval_site.typed_json import NotReadableError, from_json
from workers.jobs.types import JobResult

if TYPE_CHECKING:
    from models_admin.models import ModelVersion


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Means over the judged searches; `search.judged.measures` has their formulas."""

    ndcg_at_10: float
    ndcg_at_10_of_judged: float
    success_at_1: float
    success_at_10: float
    judged_at_10: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its 95 % interval, here of a paired bootstrap over searches."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Differences:
    """How far the version is ahead of the champion, in each measure."""

    ndcg_at_10: Estimate
    ndcg_at_10_of_judged: Estimate
    success_at_1: Estimate
    success_at_10: Estimate
    judged_at_10: Estimate


@dataclass(frozen=True, kw_only=True)
class Judged(JobResult):
    """How many searches were measured and could not be asked again, and what came of it.

    `measured_at` is a time in ISO 8601. `measures` is None without searches; the last three are None then, too, and
    where the version was the champion.
    """

    measured_at: str
    searches: int
    left_out: int
    measures: Measures | None
    champion: str | None
    champion_measures: Measures | None
    differences: Differences | None


def judged_of(version: ModelVersion) -> Judged | None:
    """Return what judgements say of a version; None where it was never measured, or in a way not known here."""
    try:
        return from_json(Judged, version.judged, extra=True)
    except NotReadableError:
        return None
