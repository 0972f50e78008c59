"""Whether a job may still go on: asked anew when it starts, is resumed or retried, and while it runs.

An app declares in its module `job_rights` which right a type of job needs, and what else must hold; the modules are
small, so web processes load them too. A type without a right does what the system needs, whoever asked for it.
"""

from __future__ import annotations

from functools import cache, reduce
from importlib import import_module
from operator import or_
from typing import TYPE_CHECKING, Any, TypeAlias

from django.apps import apps
from django.db.models import Q
from django.utils.module_loading import module_has_submodule

from retrieval_site.errors import AppError
from workers.models import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

    from workers.jobs.types import JobType
    from workers.models import JobItem

    ItemsFilter: TypeAlias = Callable[[QuerySet[JobItem], Any], QuerySet[JobItem]]
    JobsShown: TypeAlias = Callable[[QuerySet[Job], Any], QuerySet[Job]]
    """Leaves of all jobs those of others that a user may see, and do with what their own right allows."""
    Right: TypeAlias = Callable[[Job, Any], bool]
    """Says whether this user may have this job done; nobody is asked about who is not active."""

NOT_PERMITTED = "job.not_permitted"
_RIGHTS: dict[str, Right] = {}
_ITEM_FILTERS: list[ItemsFilter] = []
_SHOWN: list[JobsShown] = []
_CONDITIONS: list[Callable[[Job], bool]] = []


def job_right(*job_types: JobType[Any, Any]) -> Callable[[Right], Right]:
    """Register the decorated function as the right that these types of jobs need."""

    def register(right: Right) -> Right:
        _RIGHTS.update({job_type.name: right for job_type in job_types})
        return right

    return register


def job_condition(condition: Callable[[Job], bool]) -> Callable[[Job], bool]:
    """Register what must hold beside its right of every job that needs one."""
    _CONDITIONS.append(condition)
    return condition


def job_items_filter(seen: ItemsFilter) -> ItemsFilter:
    """Register what leaves out of a job's failed items those that a user may not know of."""
    _ITEM_FILTERS.append(seen)
    return seen


def jobs_shown(shown: JobsShown) -> JobsShown:
    """Register which jobs of others a user may see beside their own."""
    _SHOWN.append(shown)
    return shown


def jobs_seen_by(user: Any) -> QuerySet[Job]:
    """Return all jobs, newest first, for superusers; for others their own and those that apps show them."""
    _load()
    if user.is_superuser:
        return Job.objects.all()
    of_others = (Q(pk__in=shown(Job.objects.order_by(), user)) for shown in _SHOWN)
    return Job.objects.filter(reduce(or_, of_others, Q(owner_id=user.pk)))


def items_seen_by(job: Job, user: Any) -> QuerySet[JobItem]:
    """Return the job's failed items that this user may know of: a job can meet what is not its owner's."""
    _load()
    rows = job.items.all()
    for seen in [] if user.is_superuser else _ITEM_FILTERS:
        rows = seen(rows, user)
    return rows


def require_owner_permitted(job: Job) -> None:
    """Raise AppError `job.not_permitted` unless the person in whose name the job works may still have it done.

    Everything is read anew. A job that no person started (by a command) needs nobody's right.
    """
    right = _right_for(job.type)
    fresh = Job.objects.select_related("owner").filter(pk=job.pk).first()
    if right is None or fresh is None or not (fresh.owned or fresh.owner_id):
        return
    if not _permitted(right, fresh, fresh.owner) or not all(holds(fresh) for holds in _CONDITIONS):
        raise AppError("job.not_permitted/owner")


def require_permitted(job: Job, user: Any) -> None:
    """Raise AppError `job.not_permitted` unless this user may have the job done."""
    right = _right_for(job.type)
    if right is not None and not _permitted(right, job, user):
        raise AppError("job.not_permitted")


def may_go_on(job: Job, user: Any) -> bool:
    """Return whether this user may have the job resumed or retried: they and its owner both need the right."""
    try:
        require_permitted(job, user)
        require_owner_permitted(job)
    except AppError:
        return False
    return True


def _permitted(right: Right, job: Job, user: Any) -> bool:
    return user is not None and user.is_active and right(job, user)


def _right_for(type_name: str) -> Right | None:
    _load()
    return _RIGHTS.get(type_name)


@cache
def _load() -> None:
    for config in apps.get_app_configs():
        if config.module is not None and module_has_submodule(config.module, "job_rights"):
            import_module(f"{config.name}.job_rights")
