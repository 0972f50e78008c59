"""Which rights the registry's jobs need: whoever manages models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.job_types import GET_MODEL, LEARN, MAKE_STARTER, MEASURE, PREPARE, VALIDATE
from retrieval_site.people import manages_models
from workers.jobs.rights import job_right, jobs_shown

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from workers.models import Job


OF_MODELS = (VALIDATE, PREPARE, MEASURE, LEARN, GET_MODEL, MAKE_STARTER)


@job_right(*OF_MODELS)
def operates(job: Job, user: Any) -> bool:
    """Return whether the user may manage models."""
    return manages_models(user)


@jobs_shown
def jobs_of_models(jobs: QuerySet[Job], user: Any) -> QuerySet[Job]:
    """Show whoever manages models what is done to a version, whoever started it."""
    shown = jobs.filter(type__in=[job_type.name for job_type in OF_MODELS])
    return shown if manages_models(user) else jobs.none()
