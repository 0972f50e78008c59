"""Which rights the registry's jobs need: only superusers manage models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.jobs.rights import job_right

if TYPE_CHECKING:
    from workers.models import Job


@job_right("validate", "prepare", "measure")
def manages_models(job: Job, user: Any) -> bool:
    """Return whether the user may manage models."""
    return bool(user.is_superuser)
