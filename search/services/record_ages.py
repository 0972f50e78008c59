"""Ending by age what is kept of people's work beside their searches: the audit log, finished jobs, who judged, who
never came, who was signed in, and what webhooks were told.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, ForeignKey, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from search.services.audit import audit_end, audit_to_end
from search.services.invitations import invitations_to_end
from search.services.judgement_choices import OlderThan
from search.services.judgement_copies import copies_older_than
from search.services.raters import judgements_anonymise
from search.services.webhooks import deliveries_to_end
from workers.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from search.job_types import ExpireRecordsResult
    from workers.jobs.context import JobRun
    from workers.jobs.types import JobParameters

BATCH_ROWS = 1_000
OVER = [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED]


def jobs_to_end() -> QuerySet[Job]:
    """Return the finished jobs that have had their time and that nothing refers to.

    A job stays as long as documents that it imported can be taken back by it, a source's newest round as the newest.
    """
    days = settings.CONFIG.job_keep_days
    if not days:
        return Job.objects.none()
    jobs = Job.objects.filter(state__in=OVER, finished_at__lt=Now() - timedelta(days=days))
    for field in _references():
        jobs = jobs.exclude(Exists(field.model._base_manager.filter(**{field.name: OuterRef("pk")})))
    return jobs


def _references() -> Iterator[ForeignKey[Any, Any]]:
    """Yield the foreign keys to a job, but for those of its own failed items, which go with it."""
    for relation in Job._meta.get_fields(include_hidden=True):
        field = getattr(relation, "field", None)
        if (
            isinstance(field, ForeignKey)
            and field.model is not Job
            and field.model._meta.app_label != "workers"
        ):
            yield field


def judgements_over() -> OlderThan | None:
    """Return the choice of judgements that have had their time as somebody's; None where they stay so."""
    days = settings.CONFIG.rater_keep_days
    return OlderThan(timezone.now() - timedelta(days=days)) if days else None


def sessions_to_end() -> QuerySet[Session]:
    """Return the sessions that have expired, which nobody can use any more."""
    return Session.objects.filter(expire_date__lt=Now())


def records_due() -> bool:
    """Return whether anything has had its time."""
    over = (audit_to_end(), jobs_to_end(), invitations_to_end(), sessions_to_end(), deliveries_to_end())
    return any(rows.exists() for rows in over) or _judgements_are_over()


def _judgements_are_over() -> bool:
    chosen = judgements_over()
    return chosen is not None and (chosen.rows().exists() or copies_older_than(chosen.until))


def records_end(run: JobRun[JobParameters, ExpireRecordsResult]) -> None:
    """End all of it, a batch at a time."""
    run.stage("end old entries of the audit log")
    run.remember(entries=audit_end())
    run.checkpoint()
    run.stage("end old jobs")
    run.remember(jobs=_jobs_end(run))
    run.stage("make old judgements anonymous")
    chosen = judgements_over()
    run.remember(judgements=judgements_anonymise(chosen) if chosen else 0)
    invitations_to_end().delete()
    sessions_to_end().delete()
    deliveries_to_end().delete()


def _jobs_end(run: JobRun[JobParameters, ExpireRecordsResult]) -> int:
    removed = 0
    while chosen := list(jobs_to_end().values_list("pk", flat=True)[:BATCH_ROWS]):
        Job.objects.filter(pk__in=chosen).delete()
        removed += len(chosen)
        run.checkpoint()
    return removed
