"""Which rights the jobs of documents need, and who sees them.

An `encode` job needs none: what is stored must be found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import BigIntegerField, Case, Q, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils import timezone

from retrieval_site.people import manages_models
from search.curating.changes import curates_all
from search.evaluation.rights import evaluation_sets_seen
from search.job_types import (
    CURATE,
    EVALUATE,
    FILL_QUEUE,
    OF_A_COLLECTION,
    SEARCH_PHOTOS,
    collection_of,
)
from search.judging.queues import queues_for
from search.models import ApiToken, ChangeSet, Collection, Document, PhotoBatch
from search.units.registry import unit_kinds
from workers.jobs.rights import job_condition, job_items_filter, job_right, jobs_shown

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from workers.models import Job, JobItem

COLLECTION_ID = Case(
    When(
        type__in=[job_type.name for job_type in OF_A_COLLECTION],
        then=Cast(KT("params__collection"), BigIntegerField()),
    ),
    output_field=BigIntegerField(),
)
"""The id of the collection that a job works on; null of a job that works on none."""


@job_right(*OF_A_COLLECTION)  # of a change, more is asked below
def curates_the_collection(job: Job, user: Any) -> bool:
    """Return whether the collection is there and the user curates it."""
    return bool(Collection.objects.curated_by(user).filter(pk=collection_of(job)).exists())


@job_right(CURATE)
def curates_all_of_the_change(job: Job, user: Any) -> bool:
    """Return whether the user curates the change's collection, and the one that it moves documents to or from."""
    parameters = CURATE.find_parameters(job)
    found = (
        ChangeSet.objects.select_related("undoes").filter(pk=parameters.change_set).first()
        if parameters
        else None
    )
    return found is not None and curates_all(found, user)


@job_right(SEARCH_PHOTOS)
def owns_the_batch(job: Job, user: Any) -> bool:
    """Return whether the batch is there and the user's own."""
    parameters = SEARCH_PHOTOS.find_parameters(job)
    return bool(parameters and PhotoBatch.objects.filter(pk=parameters.batch, user=user).exists())


@job_right(FILL_QUEUE)
def keeps_the_queue(job: Job, user: Any) -> bool:
    """Return whether the queue is there and the user may fill it."""
    parameters = FILL_QUEUE.find_parameters(job)
    return bool(parameters and queues_for(user).filter(pk=parameters.queue, is_kept=True).exists())


@job_right(EVALUATE)
def measures_versions(job: Job, user: Any) -> bool:
    """Return whether the user may manage models and sees the evaluation set."""
    if user.is_superuser:
        return True
    parameters = EVALUATE.find_parameters(job)
    return bool(
        parameters
        and manages_models(user)
        and evaluation_sets_seen(user).filter(pk=parameters.evaluation_set).exists()
    )


@jobs_shown
def jobs_of_curated_collections(jobs: QuerySet[Job], user: Any) -> QuerySet[Job]:
    """Show curators what is done to their collections, whoever started it."""
    return jobs.alias(of=COLLECTION_ID).filter(of__in=Collection.objects.curated_by(user))


@job_items_filter
def seen_units(rows: QuerySet[JobItem], user: Any) -> QuerySet[JobItem]:
    """Leave out the units of documents that the user may not see: encoding works through all collections."""
    documents = Document.objects.visible_to(user)
    named = rows.alias(unit=Cast(KT("payload__unit"), BigIntegerField()))
    seen = Q(unit=None)
    for kind in unit_kinds():
        seen |= Q(payload__kind=kind.name, unit__in=kind.rows.filter(document__in=documents).values("pk"))
    return named.filter(seen)


@job_condition
def token_holds(job: Job) -> bool:
    """Return whether the token that asked for the job, if one did, was neither withdrawn nor has expired."""
    if job.token_id is None:
        return True
    tokens = ApiToken.objects.filter(pk=job.token_id, user=job.owner_id)
    return tokens.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now())).exists()
