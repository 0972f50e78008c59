"""The sources of a collection, for its curators: what is read again and again, what each round did, and buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.people import signed_in
from search.models import Collection, Source
from search.services.document_fields import IMAGES_MAX
from search.services.sources import (
    NAME_MAX,
    NewSource,
    rounds_of,
    source_create,
    source_delete,
    source_for,
    source_start,
    source_update,
    sources_curated_by,
)
from search.services.undoing import import_undo
from search.sources.places import is_staff
from search.sources.s3_requests import S3Keys
from search.views.curating.recognition import LETTER_CHOICES, recognition_choices, wished_recognition
from search.views.indexing import unindexed
from search.views.people import members_only
from search.views.source_rounds import ShownRound, shown_round
from search.views.throttling import throttled
from workers.jobs.rights import items_seen_by
from workers.jobs.services import job_request_cancel, job_retry_failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest, HttpResponse, QueryDict

    from workers.models import Job

ROUNDS_SHOWN = 20
FAILED_SHOWN = 100
READING = ("character_recognition", "letters")
LABELS = {
    Source.Kind.FOLDER: gettext_lazy("Folder on the server"),
    Source.Kind.OAI_PMH: gettext_lazy("OAI-PMH server"),
    Source.Kind.IIIF: gettext_lazy("IIIF manifest or collection"),
    Source.Kind.S3: gettext_lazy("S3 bucket"),
}
SCHEDULES = (
    (1, gettext_lazy("every hour")),
    (24, gettext_lazy("every day")),
    (168, gettext_lazy("every week")),
)


@require_http_methods(["GET", "HEAD", "POST"])
@unindexed
@throttled()
@members_only
def sources(request: HttpRequest, slug: str) -> HttpResponse:
    """List the sources of a collection, and make one: it begins with a dry run."""
    collection = _collection(request, slug)
    refused = None
    if request.method == "POST":
        try:
            made = source_create(collection=collection, new=_asked(request.POST), owner=signed_in(request))
        except AppError as error:
            refused = error
        else:
            return redirect("search:source", collection.slug, made.pk)
    context = {
        "collection": collection,
        "sources": sources_curated_by(request.user).filter(collection=collection),
        "kinds": [(kind, label) for kind, label in LABELS.items() if _may_name(request, kind)],
        "folders": settings.CONFIG.source_folders,
        "schedules": SCHEDULES,
        "given": request.POST,
        "refused": refused,
        "name_max": NAME_MAX,
        "pictures_max": IMAGES_MAX,
        "recognitions": recognition_choices(collection),
        "letters": LETTER_CHOICES,
        "server_keys": is_staff(request.user) and bool(settings.CONFIG.source_s3_key_id),
    }
    return render(request, "search/sources.html", context, status=refused.status if refused else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@unindexed
@throttled()
@members_only
def source(request: HttpRequest, slug: str, source_id: int) -> HttpResponse:
    """Show a source with its last rounds; a form starts one, pauses, undoes, or changes when it is read."""
    found = source_for(source_id, request.user)
    if found.collection.slug != slug:
        raise AppError("source.not_found")
    refused = None
    if request.method == "POST":
        try:
            return _done(request, found)
        except AppError as error:
            refused = error
    rounds = [shown_round(job) for job in rounds_of(found)[:ROUNDS_SHOWN]]
    chosen = next((one for one in rounds if str(one.job.pk) == request.GET.get("round")), None)
    chosen = chosen or next(iter(rounds), None)
    context = {
        "collection": found.collection,
        "source": found,
        "kind": LABELS[Source.Kind(found.kind)],
        "schedules": SCHEDULES,
        "rounds": rounds,
        "chosen": chosen,
        "failed": list(items_seen_by(chosen.job, request.user).order_by("key")[:FAILED_SHOWN])
        if chosen
        else [],
        "held_back": _held_back(rounds),
        "recognitions": recognition_choices(found.collection),
        "letters": LETTER_CHOICES,
        "refused": refused,
    }
    return render(request, "search/source.html", context, status=refused.status if refused else 200)


def _collection(request: HttpRequest, slug: str) -> Collection:
    found: Collection | None = Collection.objects.curated_by(request.user).filter(slug=slug).first()
    if found is None:
        raise AppError("collection.not_found")
    return found


def _may_name(request: HttpRequest, kind: str) -> bool:
    """Return whether this kind is offered: folders are the server's, so staff alone name one."""
    staff = bool(getattr(request.user, "is_staff", False))
    return kind != Source.Kind.FOLDER or (staff and bool(settings.CONFIG.source_folders))


def _asked(form: QueryDict) -> NewSource:
    kind = form.get("kind", "")
    return NewSource(
        kind=kind,
        address=form.get("address", ""),
        name=form.get("name", ""),
        options=_options(kind, form),
        every_hours=_number(form.get("every_hours", "")),
        keys=_keys(form),
    )


def _keys(form: QueryDict) -> S3Keys:
    return S3Keys(form.get("key_id", "").strip(), form.get("secret", "").strip())


def _options(kind: str, form: QueryDict) -> dict[str, Any]:
    """Return the options that the form has for this kind, without those that were left empty."""
    wanted, pictures = form.get("set", "").strip(), form.get("pictures", "").strip()
    if kind == Source.Kind.OAI_PMH:
        return {"set": wanted} if wanted else {}
    reading = _reading(form)
    if kind == Source.Kind.IIIF and pictures:
        return reading | {"pictures": _number(pictures)}
    if kind == Source.Kind.S3:
        given = {name: form.get(name, "").strip() for name in ("endpoint", "region")}
        own = {name: value for name, value in given.items() if value}
        return reading | own | ({"server_keys": True} if "server_keys" in form else {})
    return reading


def _reading(form: QueryDict) -> dict[str, Any]:
    """Return what the form says of pictures of text; nothing of what is left as the collection says."""
    wished = wished_recognition(form)
    said = {"character_recognition": wished.character_recognition, "letters": wished.letters}
    return {name: value for name, value in said.items() if value}


def _number(written: str) -> int | None:
    """Return a whole number; None for nothing, and a number that no field takes for anything else."""
    if not written.strip():
        return None
    return int(written) if written.isascii() and written.isdigit() and len(written) < 9 else -1


def _held_back(rounds: list[ShownRound]) -> int:
    """Return how many documents the newest finished round kept though they are gone."""
    newest = next((one for one in rounds if not one.dry_run and one.job.is_finished), None)
    return newest.result.held_back or 0 if newest else 0


def _done(request: HttpRequest, found: Source) -> HttpResponse:
    """Do what a form asks; raises AppError where that is refused."""
    by, asked = signed_in(request), request.POST.get("do", "")
    if asked == "delete":
        source_delete(source=found)
        messages.success(request, gettext("The source is deleted. Its documents stay."))
        return redirect("search:sources", found.collection.slug)
    if asked in STARTS:
        source_start(source=found, by=by, **STARTS[asked])
    elif asked in ROUND_ACTIONS:
        ROUND_ACTIONS[asked](_job_of(found, request.POST.get("round", "")), by)
    elif asked in CHANGES:
        said = CHANGES[asked](found, by, request.POST)
        messages.success(request, said)
    return redirect("search:source", found.collection.slug, found.pk)


def _follow(found: Source, by: AbstractBaseUser, _: QueryDict) -> str:
    source_update(source=found, by=by, paused=False)
    source_start(source=found, by=by)
    return gettext("The source is followed from now on.")


def _pause(found: Source, by: AbstractBaseUser, _: QueryDict) -> str:
    source_update(source=found, by=by, paused=True)
    return gettext("The source is paused.")


def _schedule(found: Source, by: AbstractBaseUser, form: QueryDict) -> str:
    source_update(source=found, by=by, every_hours=_number(form.get("every_hours", "")))
    return gettext("The schedule is changed.")


def _new_keys(found: Source, by: AbstractBaseUser, form: QueryDict) -> str:
    source_update(source=found, by=by, keys=_keys(form))
    return gettext("The keys are changed.")


def _read_pictures(found: Source, by: AbstractBaseUser, form: QueryDict) -> str:
    others = {name: value for name, value in found.options.items() if name not in READING}
    source_update(source=found, by=by, options=others | _reading(form))
    return gettext("How text in pictures is read is changed: the next round reads all anew.")


def _job_of(found: Source, written: str) -> Job:
    job = next((job for job in rounds_of(found)[:ROUNDS_SHOWN] if str(job.pk) == written), None)
    if job is None:
        raise AppError("job.not_found")
    return job


STARTS: dict[str, dict[str, bool]] = {
    "run": {},
    "dry_run": {"dry_run": True},
    "anew": {"anew": True},
    "remove": {"delete_many": True},
}
CHANGES: dict[str, Callable[[Source, AbstractBaseUser, QueryDict], str]] = {
    "follow": _follow,
    "pause": _pause,
    "schedule": _schedule,
    "keys": _new_keys,
    "reading": _read_pictures,
}
ROUND_ACTIONS: dict[str, Callable[[Job, AbstractBaseUser], Job]] = {
    "undo": lambda job, by: import_undo(job=job, by=by),
    "retry": job_retry_failed,
    "cancel": lambda job, _: job_request_cancel(job),
}
