"""Getting models of the catalogue: what the site has of each, the licences that were accepted, and the job's start."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from models_admin.job_types import GET_MODEL, GetModelParameters
from models_admin.measured import probe_milliseconds
from models_admin.models import LicenceAcceptance, ModelVersion
from retrieval_site.errors import AppError
from workers.hub.catalogue import CatalogueModel, PublishedModel, catalogue
from workers.jobs.services import ACTIVE, job_create_once
from workers.models import Job

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from workers.hub.download import Hub

_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,100})?")
_JOBS_SEEN = 200
"""The newest jobs that a card may show."""


@dataclass(frozen=True)
class CatalogueCard:
    """One model of the catalogue and what this site has of it; `milliseconds` of the newest version, by modality."""

    model: CatalogueModel
    accepted: LicenceAcceptance | None
    job: Job | None
    version: ModelVersion | None

    @property
    def milliseconds(self) -> dict[str, float]:
        """How long one picture and one text took when the version was validated on this machine."""
        return probe_milliseconds(self.version.report) if self.version else {}

    @property
    def must_accept(self) -> bool:
        """Whether somebody has to accept the licence before the model is fetched."""
        return not self.model.commercial and self.accepted is None


def catalogue_model(name: str) -> CatalogueModel:
    """Return a model of the catalogue; raises AppError `hub.unknown_model`."""
    found = catalogue().get(name)
    if found is None:
        raise AppError("hub.unknown_model", name=name[:100])
    return found


def cards() -> list[CatalogueCard]:
    """Return every model of the catalogue with what this site has of it, in three statements."""
    acceptances = LicenceAcceptance.objects.select_related("by").order_by("at")
    accepted = {(one.model, one.licence): one for one in acceptances}
    jobs: dict[str, Job] = {}
    for job in reversed(Job.objects.filter(type=GET_MODEL.name).order_by("-created_at")[:_JOBS_SEEN]):
        asked = GET_MODEL.find_parameters(job)
        if asked and asked.model:
            jobs[asked.model] = job
    versions = {one.name: one for one in ModelVersion.objects.filter(name__in=catalogue()).order_by("number")}
    return [
        CatalogueCard(model, accepted.get((name, model.licence)), jobs.get(name), versions.get(name))
        for name, model in catalogue().items()
    ]


def licence_accept(*, model: PublishedModel, by: AbstractBaseUser | None) -> LicenceAcceptance:
    """Keep that somebody accepted a model's licence, as it was called then; the first time stays."""
    found, _ = LicenceAcceptance.objects.get_or_create(
        model=model.name,
        licence=model.licence,
        defaults={"url": model.licence_url, "by_id": by.pk if by else None},
    )
    return found


def check_accepted(model: PublishedModel) -> None:
    """Raise AppError `hub.licence_not_accepted` for a licence that must be accepted and that nobody has accepted."""
    if model.commercial or LicenceAcceptance.objects.filter(model=model.name, licence=model.licence).exists():
        return
    if not isinstance(model, CatalogueModel):
        raise AppError("hub.licence_not_accepted/own", title=model.title, licence=model.licence)
    raise AppError(
        "hub.licence_not_accepted", title=model.title, licence=model.licence, url=model.licence_url
    )


def model_get(
    *, model: CatalogueModel, by: AbstractBaseUser | None = None, accept: bool = False, **places: Any
) -> Job:
    """Start to fetch a model, make a bundle of it, validate it and prepare it; while such a job waits or runs, that.

    `accept`: its licence is accepted now, where it must be. `places`: `revision`, `weights_revision`, `folder`,
    `endpoint` as in GetModelParameters. Raises AppError `hub.licence_not_accepted`, `hub.bad_endpoint`,
    `hub.invalid_name`.
    """
    if places.get("weights_revision") and not model.weights_repository:
        raise AppError("hub.invalid_name/weights", name=model.name)
    hub_settings(str(places.get("endpoint", "")))
    if accept and not model.commercial:
        licence_accept(model=model, by=by)
    check_accepted(model)
    return job_create_once(
        GET_MODEL, GetModelParameters(model=model.name, **places), owner=by, states=ACTIVE
    )[0]


def _folder_of(endpoint: str) -> str:
    """Return the name of the folder for what another hub gave, which the operator's hub may have otherwise."""
    return "from-" + hashlib.sha256(endpoint.encode()).hexdigest()[:16]


def hub_settings(endpoint: str = "") -> Hub:
    """Return the hub that the operator set, or the one at `endpoint`: the token is not for that one.

    Raises AppError `hub.bad_endpoint` for what is no address of a web server.
    """
    from ipaddress import ip_network

    from workers.hub.download import Hub

    config = settings.CONFIG
    asked = endpoint.rstrip("/") or config.hub_endpoint
    if endpoint and not _ENDPOINT.fullmatch(asked):
        raise AppError("hub.bad_endpoint", endpoint=endpoint[:200])
    own = asked == config.hub_endpoint
    return Hub(
        endpoint=asked,
        cache=(config.hub_cache or config.data_dir / "hub") / ("" if own else _folder_of(asked)),
        token=config.hub_token if own else "",
        offline=config.hub_offline,
        max_bytes=config.hub_max_bytes,
        seconds=config.hub_seconds,
        networks=tuple(map(ip_network, config.hub_networks)),
    )
