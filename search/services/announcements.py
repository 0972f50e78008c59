"""Announcements that stand just now, for whom they are, and who has closed which.

Every page asks for them, so a process remembers the rows for some seconds: no page costs a statement for them but the
first after that. What somebody closed stands with their account, which a page has at hand anyway; else in a cookie.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from search.models import Announcement

if TYPE_CHECKING:
    from collections.abc import Collection as Ids
    from collections.abc import Sequence

    from django.db.models import QuerySet

REMEMBERED_SECONDS = 15.0
SHOWN_MAX = 5
"""At once, on one page."""


@dataclass
class _AnnouncementsRead:
    rows: tuple[Announcement, ...] = ()
    until: float = 0.0


_remembered = _AnnouncementsRead()
_lock = threading.Lock()


def announcements_open(viewer: Any, closed: Ids[int]) -> list[Announcement]:
    """Return what stands now, is for this person (None: nobody) and not closed by them, the gravest first.

    At most `SHOWN_MAX`. `closed`: ids that their browser remembers.
    """
    rows = _rows()
    if not rows:
        return []
    now, audiences, gone = timezone.now(), audiences_of(viewer), {*closed, *closed_by(viewer)}
    shown = [
        row
        for row in rows
        if row.audience in audiences
        and row.starts_at <= now
        and (row.ends_at is None or now < row.ends_at)
        and not (row.dismissible and row.pk in gone)
    ]
    return sorted(shown, key=lambda row: -LEVELS.index(row.level))[:SHOWN_MAX]


def announcements_for(viewer: Any) -> QuerySet[Announcement]:
    """Return what stands now and is for this person, as rows to be paged."""
    now = timezone.now()
    rows = Announcement.objects.filter(audience__in=audiences_of(viewer), starts_at__lte=now)
    return rows.filter(Q(ends_at=None) | Q(ends_at__gt=now))


def audiences_of(viewer: Any) -> list[str]:
    """Return the audiences that somebody belongs to."""
    audiences = [Announcement.Audience.EVERYONE]
    if getattr(viewer, "is_authenticated", False):
        audiences.append(Announcement.Audience.SIGNED_IN)
        if viewer.is_staff:
            audiences.append(Announcement.Audience.STAFF)
    return [str(audience) for audience in audiences]


def announcement_close(*, person: Any, announcement_id: int) -> None:
    """Note that somebody has read and closed one; what they closed earlier is forgotten once it is gone."""
    with transaction.atomic():
        row = get_user_model().objects.select_for_update(no_key=True).get(pk=person.pk)
        closed = {*row.closed_announcements, announcement_id}
        row.closed_announcements = sorted(announcements_there([*closed]))
        row.save(update_fields=["closed_announcements"])


def announcements_there(ids: Sequence[int]) -> list[int]:
    """Return those of some ids that announcements have."""
    return list(Announcement.objects.filter(pk__in=ids).values_list("pk", flat=True))


def announcements_forget() -> None:
    """Have this process read them anew, after one was changed; other processes do within seconds."""
    _remembered.until = 0.0


def closed_by(viewer: Any) -> list[int]:
    """Return the ids that stand with somebody's account; none for who has none."""
    return list(getattr(viewer, "closed_announcements", ()))


LEVELS = [str(level) for level in Announcement.Level]


def _rows() -> tuple[Announcement, ...]:
    """Return the rows that stand or will, as of some seconds ago.

    One thread reads them; meanwhile, and as long after a failure, the others have what was read last.
    """
    if time.monotonic() >= _remembered.until:
        with _lock:
            if time.monotonic() >= _remembered.until:
                _remembered.until = time.monotonic() + REMEMBERED_SECONDS
                rows = Announcement.objects.filter(Q(ends_at=None) | Q(ends_at__gt=timezone.now()))
                _remembered.rows = tuple(rows)
    return _remembered.rows
