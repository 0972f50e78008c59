"""Learning from marks: what people judged gives a version an adapter, and so a next version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_admin.adapted import base_named, base_of
from models_admin.job_types import LEARN, LearnParameters
from models_admin.models import VersionState
from retrieval_site.errors import AppError
from workers.jobs.services import ACTIVE, job_create_once
from workers.models import Job

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet

    from models_admin.models import ModelVersion


def version_learn(
    *,
    version: ModelVersion,
    collection: int | None = None,
    evaluation_set: int | None = None,
    by: AbstractBaseUser | None = None,
) -> Job:
    """Start learning from marks for this version, those of one collection's documents alone where its id is given.

    With the id of an evaluation set, its queries and answers take the place of marks. While such a job waits or runs,
    that is returned. Raises AppError `version.cannot_learn`, `version.wrong_state`.
    """
    learning_base(version)
    asked = LearnParameters(version=version.pk, collection=collection, evaluation_set=evaluation_set)
    return job_create_once(LEARN, asked, owner=by)[0]


def learning_base(version: ModelVersion) -> ModelVersion:
    """Return the version that an adapter is learned for: the one without an adapter whose network this one has.

    Raises AppError `version.cannot_learn` for order similarity and where that version or its vectors are not here,
    and `version.wrong_state` where this one is not ready.
    """
    if version.state != VersionState.READY:
        raise AppError(
            "version.wrong_state", model=version.key, state=str(version.state), action="improved by marks"
        )
    if version.similarity != "cosine":
        raise AppError("version.cannot_learn/order", model=version.key)
    base = base_of(version)
    if base is None or base.state != VersionState.READY:
        raise AppError("version.cannot_learn", model=version.key, base=str(base or base_named(version)))
    return base


def may_learn(version: ModelVersion) -> bool:
    """Return whether learning from marks can be started for this version now, and is not at work already."""
    try:
        learning_base(version)
    except AppError:
        return False
    return not learning_jobs(version).filter(state__in=ACTIVE).exists()


def learning_jobs(version: ModelVersion) -> QuerySet[Job]:
    """Return the jobs that learn for this version, the newest first."""
    return Job.objects.filter(type=LEARN.name, params__version=version.pk).order_by("-created_at")
