"""Measuring a version by what people judged, beside the champion on the same searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from django.utils import timezone

from models_admin.judged import Differences, Estimate, Judged, Measures
from models_admin.models import ModelVersion, VersionState
from models_admin.services import champion
from retrieval_site.errors import AppError
from retrieval_site.typed_json import to_json
from search.judged.asking import rankings
from search.judged.measures import MEASURES
from search.judged.searches import judged_searches
from workers.training.measures.bootstrap import paired_means

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from search.judged.searches import JudgedSearch
    from workers.jobs.context import JobContext


def measure(version: ModelVersion, ctx: JobContext) -> Judged:
    """Ask the judged searches again under the version and under the champion; keep on the version what came of it.

    Raises AppError `version.wrong_state`.
    """
    if version.state != VersionState.READY:
        raise AppError("version.wrong_state", model=version.key, state=str(version.state), action="measured")
    searches, other = judged_searches(), champion()
    versions = [version, other] if other and other.pk != version.pk else [version]
    found = [rankings(each, [search.query for search in searches], ctx) for each in versions]
    both = [search for search in searches if all(search.query.pk in ranked for ranked in found)]
    values = [_values(both, ranked) for ranked in found]
    compared = len(values) > 1 and bool(both)
    judged = Judged(
        measured_at=timezone.now().isoformat(),
        searches=len(both),
        left_out=len(searches) - len(both),
        measures=_means(values[0]),
        champion=str(other) if compared else None,
        champion_measures=_means(values[1]) if compared else None,
        differences=_differences(values[0], values[1]) if compared else None,
    )
    ModelVersion.objects.filter(pk=version.pk).update(judged=to_json(judged))
    return judged


def _values(searches: Sequence[JudgedSearch], ranked: dict[UUID, list[int]]) -> NDArray[np.float64]:
    """Each search's value of each measure, (searches, measures)."""
    rows = [
        [value(ranked[search.query.pk], search.grades) for value in MEASURES.values()] for search in searches
    ]
    return np.array(rows, np.float64).reshape(-1, len(MEASURES))


def _means(values: NDArray[np.float64]) -> Measures | None:
    return Measures(**dict(zip(MEASURES, map(float, values.mean(0)), strict=True))) if len(values) else None


def _differences(first: NDArray[np.float64], second: NDArray[np.float64]) -> Differences:
    pairs = zip(MEASURES, paired_means(first, second), strict=True)
    return Differences(
        **{name: Estimate(value=found.value, low=found.low, high=found.high) for name, found in pairs}
    )
