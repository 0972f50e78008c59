"""Telling people of new documents that fit what they saved: whether they want it, and what was found for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import signing
from django.db.models.functions import Now
from django.utils import timezone

from retrieval_site.errors import AppError
from search.job_types import FIND_NEW
from search.models import Document, SavedSearch, SearchFinding
from workers.jobs.services import job_create_once
from workers.jobs.types import JobParameters
from workers.models import JobState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

    from search.querysets import Viewer

Alerts = SavedSearch.Alerts
_SALT = "search.alerts.unsubscribe"


def can_be_mailed(viewer: Any) -> bool:
    """Return whether this person can get mail: it is set up here, and they have an address."""
    return bool(settings.CONFIG.sends_mail and getattr(viewer, "email", ""))


def alerts_set(*, saved: SavedSearch, alerts: str) -> None:
    """Tell its owner of new documents that fit, or no longer; those that are there already are not new.

    Raises AppError `alerts.no_mail` where mail is wanted and cannot be sent.
    """
    if alerts == Alerts.MAIL and not can_be_mailed(saved.user):
        raise AppError("alerts.no_mail")
    if saved.alerts == Alerts.OFF and alerts != Alerts.OFF:
        saved.alerts_since = timezone.now()
    saved.alerts = alerts
    saved.save(update_fields=["alerts", "alerts_since"])


def findings_of(viewer: Viewer) -> QuerySet[SearchFinding]:
    """Return what was found for somebody, newest first, of documents that they may see now."""
    if viewer is None or not viewer.is_authenticated:
        return SearchFinding.objects.none()
    rows = SearchFinding.objects.filter(saved__user_id=viewer.pk)
    return rows.filter(document__in=Document.objects.visible_to(viewer)).order_by("-id")


def findings_unseen(viewer: Viewer) -> int:
    """Return how many documents were found for somebody who has not looked at them yet."""
    return findings_of(viewer).filter(seen_at=None).count()


def findings_see(*, findings: Iterable[SearchFinding]) -> None:
    """Keep that their owner has seen these."""
    SearchFinding.objects.filter(pk__in=[each.pk for each in findings], seen_at=None).update(seen_at=Now())


def findings_add(*, saved: SavedSearch, documents: Iterable[int]) -> int:
    """Keep that these documents were found, each once; return how many are new."""
    known = set(SearchFinding.objects.filter(saved=saved).values_list("document", flat=True))
    # One that went meanwhile is left out.
    there = Document.objects.filter(pk__in=set(documents) - known).values_list("pk", flat=True)
    rows = [SearchFinding(saved=saved, document_id=pk) for pk in there]
    SearchFinding.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def find_new_soon() -> None:
    """Ask saved searches again, now that there are new vectors, where anybody wants to know."""
    if SavedSearch.objects.exclude(alerts=Alerts.OFF).exists():
        job_create_once(FIND_NEW, JobParameters(), states=[JobState.QUEUED])


def unsubscribe_token(user_id: int) -> str:
    """Return what a mail's link names its reader by: it works without signing in, and for nothing else."""
    return signing.dumps(user_id, salt=_SALT)


def unsubscribe(*, token: str) -> None:
    """Send the token's person no more mail; their page still says what is new.

    Raises AppError `alerts.link_invalid`.
    """
    rows = SavedSearch.objects.filter(user_id=unsubscribe_reader(token), alerts=Alerts.MAIL)
    rows.update(alerts=Alerts.PAGE)


def unsubscribe_reader(token: str) -> int:
    """Return whose token it is; raises AppError `alerts.link_invalid`."""
    try:
        return int(signing.loads(token, salt=_SALT))
    except signing.BadSignature as error:
        raise AppError("alerts.link_invalid") from error
