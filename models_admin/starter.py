"""The starter as a job: made of two packages, stored, validated, and prepared beside the running model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.files.base import File

from models_admin.job_types import MAKE_STARTER, StarterParameters, StarterResult
from models_admin.models import ModelVersion
from models_admin.services import version_add
from retrieval_site.errors import AppError
from workers.jobs.services import ACTIVE, job_create_once
from workers.models import Job

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from workers.jobs.context import JobRun

    Run = JobRun[StarterParameters, StarterResult]

NAME = "starter"
MEGABYTES = 106
"""What is fetched where the packages are not there."""


def starter_make(*, by: AbstractBaseUser | None = None, folder: str = "") -> Job:
    """Start to make the starter; while such a job waits or runs, return that."""
    return job_create_once(MAKE_STARTER, StarterParameters(folder=folder), owner=by, states=ACTIVE)[0]


def starter_here() -> tuple[ModelVersion | None, Job | None]:
    """Return the newest version of the starter that is here, and the newest job that made one."""
    version = ModelVersion.objects.filter(name=NAME).order_by("-number").first()
    return version, Job.objects.filter(type=MAKE_STARTER.name).order_by("-created_at").first()


def starter_made(run: Run) -> ModelVersion:
    """Return the stored version; the same packages make the same bundle. Raises AppError `starter.not_made`."""
    from workers.inference.errors import InferenceError
    from workers.inference.sandbox.errors import SandboxError
    from workers.inference.starter.build import starter_write
    from workers.inference.starter.packages import StarterError

    folder = Path(run.parameters.folder) if run.parameters.folder else None
    with tempfile.TemporaryDirectory(prefix="sightline-starter-") as room:
        path = Path(room) / "starter.zip"
        try:
            starter_write(path, folder, lambda said: _told(run, said))
        except (StarterError, InferenceError, SandboxError) as error:
            raise AppError("starter.not_made", reason=str(error)[-500:]) from error
        run.checkpoint()
        with path.open("rb") as file:
            return version_add(bundle=File(file, name=str(path)), note="The starter.", by=run.job.owner)


def _told(run: Run, said: str) -> None:
    run.stage(said.rstrip(" …").lower()[:100])
    run.checkpoint()
