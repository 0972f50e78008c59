"""Models that are in no catalogue: any repository or folder in a known layout, got under a name of one's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models_admin.catalogue import catalogue_model, hub_settings, licence_accept
from models_admin.job_types import GET_MODEL, GetModelParameters
from models_admin.starter import NAME as STARTER
from retrieval_site.errors import AppError
from workers.hub.catalogue import PublishedModel, catalogue
from workers.hub.layouts import VARIANTS
from workers.hub.names import is_path, is_repository, is_revision
from workers.jobs.services import ACTIVE, job_create_once

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from workers.models import Job

NAME_MAX, LICENCE_MAX = 63, 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""As a bundle's manifest has it."""
_URL_MAX = 200
_QUOTED = 100
"""So much of what somebody asked for stands in an error."""


def own_model_get(
    *, asked: GetModelParameters, by: AbstractBaseUser | None = None, accept: bool = False
) -> Job:
    """Start to fetch a model of no catalogue; while such a job waits or runs, return that.

    `accept`: whoever asks has read the licence and accepts it, which is kept. Raises AppError `hub.invalid_name`,
    `hub.licence_not_accepted`, `hub.bad_endpoint`.
    """
    model = wanted_model(asked)
    if not accept:
        raise AppError("hub.licence_not_accepted/own", title=model.title, licence=model.licence)
    licence_accept(model=model, by=by)
    return job_create_once(GET_MODEL, asked, owner=by, states=ACTIVE)[0]


def wanted_model(asked: GetModelParameters) -> PublishedModel:
    """Return the model of the catalogue that a job asks for, or the one that it describes itself.

    Raises AppError `hub.unknown_model`, and as `own_model_get`.
    """
    if asked.model:
        return catalogue_model(asked.model)
    hub = hub_settings(asked.endpoint)
    _check_name(asked.name)
    _check_place(asked)
    if asked.weights_revision:
        raise AppError("hub.invalid_name/weights", name=asked.name)
    if (
        not 0 < len(asked.licence) <= LICENCE_MAX
        or not asked.licence.isprintable()
        or asked.licence.isspace()
    ):
        raise AppError("hub.invalid_name/licence", limit=LICENCE_MAX)
    url = f"{hub.endpoint}/{asked.repository}" if asked.repository else ""
    return PublishedModel(
        name=asked.name,
        title=asked.repository or asked.name,
        licence=asked.licence,
        licence_url=url if len(url) <= _URL_MAX else "",
        commercial=False,  # nobody knows it here
        repository=asked.repository,
        revision=asked.revision or "main",
        folder=asked.subfolder,
        variant=asked.variant,
    )


def _check_name(name: str) -> None:
    """Refuse what no version can be called, and what would be taken for another model."""
    if not _NAME.fullmatch(name):
        raise AppError("hub.invalid_name/model", name=name[:_QUOTED])
    if name in catalogue() or name == STARTER:
        raise AppError("hub.invalid_name/taken", name=name)


def _check_place(asked: GetModelParameters) -> None:
    """Refuse what is not one place on a hub or on this machine, in words that a hub understands."""
    if bool(asked.repository) == bool(asked.folder):
        raise AppError("hub.invalid_name/place")
    if asked.repository and not is_repository(asked.repository):
        raise AppError("hub.invalid_name", name=asked.repository[:_QUOTED])
    if asked.revision and not is_revision(asked.revision):
        raise AppError("hub.invalid_name", name=asked.revision[:_QUOTED])
    if asked.subfolder and not is_path(asked.subfolder):
        raise AppError("hub.invalid_name/subfolder", name=asked.subfolder[:_QUOTED])
    if asked.variant not in VARIANTS:
        raise AppError("hub.invalid_name/variant", name=asked.variant[:_QUOTED])
