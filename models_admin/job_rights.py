"""Which rights the registry's jobs need: only superusers manage models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.job_types import GET_MODEL, LEARN, MAKE_STARTER, MEASURE, PREPARE, VALIDATE
from retrieval_site.people import manages_models
from workers.jobs.rights import job_right

if TYPE_CHECKING:
    from workers.models import Job


@job_right(VALIDATE, PREPARE, MEASURE, LEARN, GET_MODEL, MAKE_STARTER)
def operates(job: Job, user: Any) -> bool:
    """Return whether the user may manage models."""
    return manages_models(user)
