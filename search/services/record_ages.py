"""Ending by age what is kept of people's work beside their searches: the audit log, finished jobs, who judged, who
never came, and who was signed in.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, ForeignKey, OuterRef
from django.db.models.functions import Now

from search.models import Judgement
from search.services.audit import audit_end, audit_to_end
from search.services.invitations import invitations_to_end
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


def judgements_to_anonymise() -> QuerySet[Judgement]:
    """Return the judgements of people with accounts that have had their time as theirs."""
    days = settings.CONFIG.rater_keep_days
    old = Judgement.objects.filter(user__isnull=False, updated_at__lt=Now() - timedelta(days=days))
    return old if days else Judgement.objects.none()


def sessions_to_end() -> QuerySet[Session]:
    """Return the sessions that have expired, which nobody can use any more."""
    return Session.objects.filter(expire_date__lt=Now())


def records_due() -> bool:
    """Return whether anything has had its time."""
    over = (audit_to_end(), jobs_to_end(), judgements_to_anonymise(), invitations_to_end(), sessions_to_end())
    return any(rows.exists() for rows in over)


def records_end(run: JobRun[JobParameters, ExpireRecordsResult]) -> None:
    """End all of it, a batch at a time."""
    run.stage("end old entries of the audit log")
    run.remember(entries=audit_end())
    run.checkpoint()
    run.stage("end old jobs")
    run.remember(jobs=_jobs_end(run))
    run.stage("make old judgements anonymous")
    run.remember(judgements=judgements_anonymise(judgements_to_anonymise()))
    invitations_to_end().delete()
    sessions_to_end().delete()


def _jobs_end(run: JobRun[JobParameters, ExpireRecordsResult]) -> int:
    removed = 0
    while chosen := list(jobs_to_end().values_list("pk", flat=True)[:BATCH_ROWS]):
        Job.objects.filter(pk__in=chosen).delete()
        removed += len(chosen)
        run.checkpoint()
    return removed


def judgements_anonymise(judgements: QuerySet[Judgement]) -> int:
    """Make judgements nobody's, without their comments; return how many.

    Those that were one person's stay one rater's, under a name drawn at random that nothing else has: agreement between
    raters is still counted, and nobody can tell whose they were.
    """
    raters: dict[int, str] = defaultdict(lambda: secrets.token_hex(20))
    done = 0
    while True:
        with transaction.atomic():
            rows = list(judgements.order_by("pk").select_for_update(of=["self"])[:BATCH_ROWS])
            for row in rows:
                row.session, row.user_id, row.comment = raters[row.user_id or 0], None, ""
            Judgement.objects.bulk_update(rows, ["session", "user", "comment"])
        done += len(rows)
        if len(rows) < BATCH_ROWS:
            return done
