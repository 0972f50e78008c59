"""The day's mail: what is new for somebody who wants to know it by e-mail, in one message."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from itertools import groupby
from smtplib import SMTPRecipientsRefused
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import ngettext

from retrieval_site.errors import AppError
from search.models import SavedSearch, SearchFinding
from search.services.alerts import Alerts, findings_of, unsubscribe_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.mail.backends.base import BaseEmailBackend
    from django.db.models import QuerySet

    from search.job_types import MailResult
    from workers.jobs.context import JobRun
    from workers.jobs.types import JobParameters

FINDINGS_MAX = 50
"""Documents that one message names; the page has the rest."""
NOT_BEFORE = timedelta(hours=20)
"""After a message, the next one comes with the next day's job."""


def mail_due() -> bool:
    """Return whether somebody waits for mail, and it can be sent."""
    return bool(settings.CONFIG.sends_mail and _readers().exists())


def mail_new(run: JobRun[JobParameters, MailResult]) -> None:
    """Send each reader one message with what they were not told of yet; the result has how many were sent.

    A message is kept as sent in the transaction in which it is handed over. Whoever cannot be reached does not keep
    the others from theirs: such a reader is a failed item, and gets it with the next day's.
    """
    sent = run.result.sent or 0
    readers = list(_readers().values_list("pk", flat=True))
    run.stage("send mail", len(readers))
    connection = get_connection()
    for reader in readers:
        try:
            sent += _send(reader, connection)
            run.advance(1)
        except (OSError, ValueError) as error:  # SMTP's errors are OSErrors, those of an address ValueErrors
            failure = AppError("alerts.not_sent", reason=_reason(error))
            run.item_failed(str(reader), failure.id, failure.message)
            run.advance(failed=1)
        run.remember(sent=sent)
        run.checkpoint()


def _reason(error: OSError | ValueError) -> str:
    """Return the kind of an error and what codes the server answered; its text may hold the reader's address."""
    codes = [getattr(error, "smtp_code", None)]
    if isinstance(error, SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    elif isinstance(error, OSError) and error.errno is not None:
        codes = [error.errno]
    return " ".join([type(error).__name__, *(str(code) for code in codes if code is not None)])


def _readers() -> QuerySet[Any]:
    """Return the people who have something new, want it by mail, and got none today."""
    waiting = SearchFinding.objects.filter(saved__user=OuterRef("pk"), mailed_at=None, seen_at=None)
    today = SearchFinding.objects.filter(saved__user=OuterRef("pk"), mailed_at__gt=Now() - NOT_BEFORE)
    people = get_user_model().objects.filter(is_active=True).exclude(email="").order_by("pk")
    return people.filter(Exists(waiting.filter(saved__alerts=Alerts.MAIL))).exclude(Exists(today))


@transaction.atomic
def _send(reader_id: int, connection: BaseEmailBackend) -> int:
    """Send one person their message; return 1, or 0 where they may see none of it now."""
    reader = get_user_model().objects.select_for_update(no_key=True).get(pk=reader_id)
    rows = findings_of(reader).filter(mailed_at=None, seen_at=None, saved__alerts=Alerts.MAIL)
    found = list(rows.select_related("saved", "document").order_by("saved", "-id")[:FINDINGS_MAX])
    if not found:
        return 0
    SearchFinding.objects.filter(pk__in=[each.pk for each in found]).update(mailed_at=Now())
    with translation.override(settings.CONFIG.default_language):  # nobody asks for a language here
        _message(reader, found, connection).send()
    return 1


def _message(reader: Any, found: Sequence[SearchFinding], connection: BaseEmailBackend) -> EmailMessage:
    site = settings.CONFIG.site_url
    leave = site + reverse("search:unsubscribe", args=[unsubscribe_token(reader.pk)])
    searches: list[tuple[SavedSearch, list[SearchFinding]]] = [
        (saved, list(rows)) for saved, rows in groupby(found, key=lambda each: each.saved)
    ]
    words = {"site": site, "searches": searches, "leave": leave, "count": len(found)}
    return EmailMessage(
        subject=ngettext(
            "{count} new document for your saved searches",
            "{count} new documents for your saved searches",
            len(found),
        ).format(count=len(found)),
        body=render_to_string("search/mail/new.txt", words),
        to=[reader.email],
        headers={
            "List-Unsubscribe": f"<{leave}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
            "Message-ID": _message_id(found),
        },
        connection=connection,
    )


def _message_id(found: Sequence[SearchFinding]) -> str:
    """Return the same id for the same documents: where a message was sent twice, its reader's program sees it."""
    named = ",".join(str(each.pk) for each in found)
    digest = hashlib.sha256(f"{settings.CONFIG.site_url} {named}".encode()).hexdigest()[:32]
    return f"<{digest}@{settings.CONFIG.email_from.rpartition('@')[2]}>"
