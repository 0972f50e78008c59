"""Links by which people without an account read a collection until a day; a key is shown once and kept as its hash."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from retrieval_site.people import Guest
from search.models import Collection, GuestLink, Membership
from search.services.tokens import USE_RECORDED_EVERY, key_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

DAYS_MAX = 365
LINKS_MAX = 100
"""Of one collection."""
NOTE_MAX = 200
KEY_BYTES = 32
DIGEST_CHARACTERS = 16
KEY_MAX = 100
"""Characters that are looked at of what somebody sends as a key."""


@dataclass(frozen=True)
class HeldLink:
    """A link that a browser holds: its id, and the start of its digest, for a restored site gives ids anew."""

    id: int
    digest: str


def held_link(link: GuestLink) -> HeldLink:
    """Return a link as browsers hold it."""
    return HeldLink(link.pk, link.digest[:DIGEST_CHARACTERS])


@transaction.atomic
def guest_link_create(
    *, collection: Collection, by: Any, ends_at: datetime, note: str = ""
) -> tuple[GuestLink, str]:
    """Return a new link and its key, which is kept nowhere and cannot be shown again.

    Raises AppError `parameter.invalid` for an end that is past or further than `DAYS_MAX` days away, and for a note
    that is too long; `guest_link.too_many`.
    """
    now = timezone.now()
    Collection.objects.select_for_update(no_key=True).get(
        pk=collection.pk
    )  # the limit holds for two at once, too
    if not now < ends_at <= now + timedelta(days=DAYS_MAX):
        raise AppError.of_parameter(
            "ends_at",
            gettext("A link ends within {days_max} days, and not in the past.").format(days_max=DAYS_MAX),
        )
    if len(note) > NOTE_MAX or "\0" in note:
        raise AppError.of_parameter(
            "note", gettext("A note has at most {note_max} characters.").format(note_max=NOTE_MAX)
        )
    if GuestLink.objects.filter(collection=collection).count() >= LINKS_MAX:
        raise AppError("guest_link.too_many", limit=LINKS_MAX)
    token = secrets.token_urlsafe(KEY_BYTES)
    link = GuestLink.objects.create(
        collection=collection, note=note.strip(), digest=key_digest(token), created_by=by, ends_at=ends_at
    )
    audit_note("guest_link.created", link, collection=collection.pk, ends_at=ends_at.isoformat())
    return link, f"{link.pk}-{token}"


@transaction.atomic
def guest_link_delete(*, link: GuestLink) -> None:
    """Take a link back: from the next request on it opens nothing."""
    audit_note("guest_link.deleted", link, collection=link.collection_id)
    link.delete()


def guest_link_of_key(key: str) -> GuestLink:
    """Return the link of a key; raises AppError `guest_link.not_found` for one that is wrong or has ended."""
    number, _, token = key.strip()[:KEY_MAX].partition("-")
    known = number.isascii() and number.isdigit() and len(number) < 19
    link = _open().filter(pk=int(number)).first() if known else None
    digest = link.digest if link else ""
    if not constant_time_compare(digest, key_digest(token)) or link is None:
        raise AppError("guest_link.not_found")
    return link


def guest_of_links(links: Sequence[HeldLink]) -> Guest | None:
    """Return who reads by those links that open something, None for nobody; the use is recorded, once a minute."""
    rows = list(guest_links_held(links).values_list("pk", "collection", "last_used_at"))
    if not rows:
        return None
    now = timezone.now()
    if unrecorded := [pk for pk, _, at in rows if at is None or now - at >= USE_RECORDED_EVERY]:
        GuestLink.objects.filter(pk__in=unrecorded).update(last_used_at=now)
    return Guest(tuple(sorted({collection for _, collection, _ in rows})))


def guest_links_of(collection: Collection) -> QuerySet[GuestLink]:
    """Return the links of a collection with who made them, newest first; each says whether its maker `gives` it yet."""
    given = ExpressionWrapper(_is_given(), output_field=BooleanField())
    return GuestLink.objects.filter(collection=collection).select_related("created_by").annotate(gives=given)


def guest_links_held(links: Sequence[HeldLink]) -> QuerySet[GuestLink]:
    """Return those of the links that a browser holds that open something, with their collections."""
    held = (Q(pk=link.id, digest__startswith=link.digest) for link in links)
    return _open().filter(reduce(or_, held, Q(pk__in=[])))


def _open() -> QuerySet[GuestLink]:
    """Return what opens something: a link ends by its time, and once whoever made it may not give one any more."""
    return GuestLink.objects.filter(_is_given(), ends_at__gt=timezone.now()).select_related("collection")


def _is_given() -> Q:
    """Return the condition that whoever made a link still curates its collection."""
    roles = Membership.objects.filter(collection=OuterRef("collection"), role=Membership.Role.CURATOR)
    maker = OuterRef("created_by")
    curates = Exists(roles.filter(user=maker)) | Exists(roles.filter(group__user=maker))
    return Q(created_by__is_active=True) & (Q(created_by__is_superuser=True) | curates)
