"""Sources of documents: made, changed, started by hand or by their schedule, deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from retrieval_site.errors import AppError
from retrieval_site.typed_json import to_json
from search.job_types import SOURCE_ROUND, SourceRoundParameters
from search.models import Collection, Source, SourceItem
from search.sources.keys import keys_sealed
from search.sources.options import read_options
from search.sources.places import allowed_folder, is_staff, needs_staff
from search.sources.s3_requests import S3Keys, read_s3_address
from workers.fetching.addresses import read_address
from workers.inference.errors import PictureError
from workers.jobs.services import ACTIVE, job_create, job_request_cancel
from workers.models import Job

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet

    from search.querysets import Viewer
    from search.sources.options import S3Options

SOURCES_MAX = 100
"""Of one collection."""
HOURS_MAX = 24 * 366
NAME_MAX = 200


def sources_curated_by(viewer: Viewer) -> QuerySet[Source]:
    """Return the sources of the collections that somebody curates."""
    curated = Collection.objects.curated_by(viewer)
    return Source.objects.filter(collection__in=curated).select_related("collection", "round", "owner")


def source_for(source_id: int, viewer: Viewer) -> Source:
    """Return a source that somebody curates; raises AppError `source.not_found`."""
    source = sources_curated_by(viewer).filter(pk=source_id).first()
    if source is None:
        raise AppError("source.not_found")
    return source


@dataclass(frozen=True, kw_only=True)
class NewSource:
    """A source as somebody wants it; without a name it is called by its address."""

    kind: str
    address: str
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    every_hours: int | None = None
    keys: S3Keys = field(default_factory=S3Keys, repr=False)


def source_create(*, collection: Collection, new: NewSource, owner: AbstractBaseUser) -> Source:
    """Create a source, paused, and start a dry run of it. Raises AppError `source.*`, `permission.denied`."""
    address = _checked_address(new.kind, new.address.strip(), new.options, owner)
    _check_name(new.name)
    _check_hours(new.every_hours)
    typed = read_options(new.kind, new.options)
    with transaction.atomic():
        Collection.objects.select_for_update().get(pk=collection.pk)
        if Source.objects.filter(collection=collection).count() >= SOURCES_MAX:
            raise AppError("source.too_many_sources", limit=SOURCES_MAX)
        source = Source.objects.create(
            collection=collection,
            kind=new.kind,
            address=address,
            name=new.name.strip() or address[:NAME_MAX],
            options=to_json(typed),
            secret=keys_sealed(new.keys) if new.kind == Source.Kind.S3 else "",
            every_hours=new.every_hours,
            owner_id=owner.pk,
        )
        source_start(source=source, by=owner, dry_run=True)
    return source


def source_update(*, source: Source, by: AbstractBaseUser, **changes: Any) -> Source:
    """Change name, options, keys, every_hours or paused; rounds run in the name of whoever does so from then on.

    Other options mean that all is made anew by the next round. Raises AppError `source.*`, `permission.denied`.
    """
    if unknown := changes.keys() - {"name", "options", "keys", "every_hours", "paused"}:
        raise TypeError(f"a source has no changeable {sorted(unknown)}")
    _checked_address(source.kind, source.address, changes.get("options", source.options), by)
    if "keys" in changes:
        keys = changes.pop("keys")
        changes["secret"] = keys_sealed(keys) if source.kind == Source.Kind.S3 else ""
    if "options" in changes:
        changes["options"] = to_json(read_options(source.kind, changes["options"]))
        if changes["options"] != source.options:
            source.since = ""
    _check_name(changes.get("name", source.name))
    _check_hours(changes.get("every_hours", source.every_hours))
    former_hours = source.every_hours
    for name, value in changes.items():
        setattr(source, name, value)
    source.owner_id = by.pk
    if changes.get("every_hours", former_hours) != former_hours:
        source.next_round_at = _next_round_at(source)
    source.next_round_at = None if source.paused else source.next_round_at or timezone.now()
    source.save(update_fields=[*changes, "owner", "since", "next_round_at"])
    return source


def _next_round_at(source: Source) -> datetime | None:
    """Return when a source is due by a schedule that was changed: counted from its newest round."""
    if source.next_round_at is None or not source.every_hours or source.round is None:
        return source.next_round_at
    return source.round.created_at + timedelta(hours=source.every_hours)


@transaction.atomic
def source_start(
    *,
    source: Source,
    by: AbstractBaseUser | None,
    dry_run: bool = False,
    anew: bool = False,
    delete_many: bool = False,
) -> Job:
    """Start a round, or a dry run; where one is at work already, return that.

    Raises AppError `source.at_work` where that one does less than is asked for.
    """
    Source.objects.select_for_update().get(pk=source.pk)
    active = rounds_of(source).filter(state__in=ACTIVE)
    for job in active:
        parameters = SOURCE_ROUND.find_parameters(job)
        if parameters and parameters.dry_run == dry_run:
            if anew > parameters.anew or delete_many > parameters.delete_many:
                raise AppError("source.at_work")
            return job
    parameters = SourceRoundParameters(
        source=source.pk,
        collection=source.collection_id,
        dry_run=dry_run,
        anew=anew,
        delete_many=delete_many,
    )
    job = job_create(SOURCE_ROUND, parameters, owner=by)
    if not dry_run:
        source.round = job
        source.next_round_at = timezone.now() + timedelta(hours=source.every_hours or 0)
        source.save(update_fields=["round", "next_round_at"])
    return job


def sources_start_due() -> int:
    """Start the rounds that are due by their schedules; return how many."""
    started = 0
    due = Source.objects.filter(
        paused=False, every_hours__isnull=False, owner__isnull=False, next_round_at__lte=Now()
    )
    for pk in list(due.values_list("pk", flat=True)):
        with transaction.atomic():
            source = due.select_for_update(skip_locked=True, of=["self"]).filter(pk=pk).first()
            if source is not None and _may_start(source):
                source_start(source=source, by=source.owner)
                started += 1
    return started


def _may_start(source: Source) -> bool:
    """Return whether no round is at work; put the next one off where one is paused or still going on."""
    if source.round is None or source.round.is_finished:
        return True
    source.next_round_at = timezone.now() + timedelta(hours=source.every_hours or 1)
    source.save(update_fields=["next_round_at"])
    return False


def rounds_of(source: Source) -> QuerySet[Job]:
    """Return the rounds and dry runs of a source, newest first."""
    return Job.objects.filter(
        type=SOURCE_ROUND.name, params__source=source.pk, params__collection=source.collection_id
    ).order_by("-created_at")


@transaction.atomic
def source_delete(*, source: Source) -> None:
    """Delete a source; its documents stay, and are followed no more. A round that is at work is cancelled."""
    for job in rounds_of(source).filter(state__in=ACTIVE):
        job_request_cancel(job)
    SourceItem.objects.filter(source=source).delete()
    source.delete()


def _checked_address(kind: str, address: str, options: Mapping[str, Any], owner: AbstractBaseUser) -> str:
    """Return an address that may be read; of what is the server's only staff say which."""
    if kind not in Source.Kind.values:
        raise AppError("source.kind_unknown", known=list(Source.Kind.values))
    if needs_staff(kind, options) and not is_staff(owner):
        raise AppError("permission.denied/staff")
    if kind == Source.Kind.FOLDER:
        return str(allowed_folder(address))
    asked = address
    if kind == Source.Kind.S3:
        read_s3_address(address)
        asked = cast("S3Options", read_options(kind, options)).service
    try:
        read_address(asked, tuple(settings.CONFIG.source_ports))
    except PictureError as error:
        raise AppError.quoting("source.address_invalid", error.message, error.detail) from error
    return address


def _check_name(name: str) -> None:
    if len(name) > NAME_MAX or "\0" in name:
        raise AppError("source.name_invalid", limit=NAME_MAX)


def _check_hours(every_hours: int | None) -> None:
    if every_hours is not None and every_hours not in range(1, HOURS_MAX + 1):
        raise AppError("source.schedule_invalid", limit=HOURS_MAX)
