"""What the admin's first page says at a glance: what answers, what is stored, what is at work, what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from models_admin.models import ModelVersion, VersionState
from models_admin.services import champion
from retrieval_site.database.counting import counted
from retrieval_site.health.checks import run_checks
from search.guide import is_out_of_place
from search.models import Collection
from search.vectors.coverage import coverage_about
from workers.jobs.rights import jobs_seen_by
from workers.jobs.services import ACTIVE
from workers.models import JobState

if TYPE_CHECKING:
    from search.vectors.coverage import Coverage
    from workers.models import Job

JOBS_SHOWN = 5
FAILURES_SHOWN_FOR = timedelta(days=7)


@dataclass(frozen=True)
class InstallationState:
    """What only superusers look after.

    `stored` is each kind of unit's coverage, `set_aside` the models that ended their process again and again,
    `troubles` what does not answer. `offers_starter`: the demo's model answers in collections of one's own.
    """

    model: ModelVersion | None
    stored: dict[str, Coverage]
    set_aside: list[ModelVersion]
    troubles: list[str]
    offers_starter: bool


@dataclass(frozen=True)
class Overview:
    """Of the collections that somebody curates, and of the jobs that they may see."""

    documents: int
    jobs: list[Job]
    failed_jobs: int
    installation: InstallationState | None


def overview_for(user: Any) -> Overview:
    """Return what somebody of the staff sees first; a part that does not answer is told, not raised."""
    jobs, week_ago = jobs_seen_by(user), timezone.now() - FAILURES_SHOWN_FOR
    collections = dict(
        Collection.objects.curated_by(user).counted().values_list("slug", "document_count")
    )  # a superuser curates all
    return Overview(
        documents=sum(collections.values()),
        jobs=list(jobs.filter(state__in=ACTIVE)[:JOBS_SHOWN]),
        failed_jobs=counted(jobs.filter(state=JobState.FAILED, created_at__gte=week_ago)),
        installation=_installation(list(collections)) if user.is_superuser else None,
    )


def _installation(slugs: list[str]) -> InstallationState:
    """Look at what superusers look after; `slugs` are those of all collections."""
    version = champion()
    return InstallationState(
        model=version,
        stored={kind: found for kind, found in coverage_about(version).items() if found.total}
        if version
        else {},
        set_aside=list(ModelVersion.objects.filter(state=VersionState.SET_ASIDE)),
        troubles=[outcome.detail for outcome in run_checks().values() if not outcome.ok],
        offers_starter=is_out_of_place(version, slugs),
    )
