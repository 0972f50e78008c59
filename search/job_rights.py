"""Which rights the jobs of documents need. An `encode` job needs none: what is stored must be found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone

from search.models import ApiToken, Collection
from workers.jobs.rights import job_condition, job_right

if TYPE_CHECKING:
    from workers.models import Job


@job_right("import")
def curates_the_collection(job: Job, user: Any) -> bool:
    """Return whether the collection is there and the user curates it."""
    return bool(Collection.objects.curated_by(user).filter(pk=job.params.get("collection")).exists())


@job_condition
def token_holds(job: Job) -> bool:
    """Return whether the token that asked for the job, if one did, was neither withdrawn nor has expired."""
    if job.token_id is None:
        return True
    tokens = ApiToken.objects.filter(pk=job.token_id, user=job.owner_id)
    return tokens.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now())).exists()
