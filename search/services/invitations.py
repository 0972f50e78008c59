"""Inviting people by e-mail: a link that one person takes once, and with it an account's roles and groups."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext

from retrieval_site.audit import audit_note
from retrieval_site.config import LANGUAGE_NAMES
from retrieval_site.database.locks import transaction_lock
from retrieval_site.errors import AppError
from retrieval_site.rates import Rate
from retrieval_site.throttling import take_or_refuse
from search.invitation_mail import invitation_send
from search.models import Collection, Invitation, InvitedRole, Membership
from search.services.members import members_audited
from search.services.tokens import key_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.contrib.auth.models import Group
    from django.db.models import QuerySet

    from retrieval_site.accounts.models import User

LOG = logging.getLogger(__name__)
DAYS = 7
"""How long a link holds."""
KEPT_DAYS = 30
"""How long one that has ended can still be sent again."""
PENDING_MAX = 200
"""Of one collection, with those that have ended and are kept."""
KEY_BYTES = 32
KEY_MAX = 100
"""Characters that are looked at of what somebody sends as a key."""
INVITES_PERSON = Rate(100, 3600)
"""How many messages one person may have sent."""
INVITES_MAILBOX = Rate(3, 3600)
"""How many messages may go to one mailbox, whoever sends them."""
RANKS = {role: rank for rank, role in enumerate(Membership.Role.values)}


@dataclass(frozen=True)
class Invited:
    """Whom to invite and what comes with it; `roles`: by collection."""

    email: str
    language: str
    roles: Mapping[Collection, str]
    groups: Sequence[Group] = ()


def invitation_create(*, invited: Invited, by: User) -> Invitation:
    """Keep an invitation and send its message; where that fails, nothing is kept.

    What it answers does not depend on whether there is an account with the address. Raises AppError
    `parameter.invalid` for no address, language or role; `invitation.pending`, `.too_many`, `.no_mail`, `.not_sent`;
    `permission.denied` for roles and groups that `by` may not give; `throttle.exceeded`.
    """
    email = _checked(invited)
    if not _may_give(by, [*invited.roles], [*invited.groups]):
        raise AppError("permission.denied/look")
    _count(by, email)
    with transaction.atomic():
        for collection in sorted(invited.roles, key=lambda each: each.pk):
            _check_room(collection, email)
        now = timezone.now()
        invitation = Invitation(email=email, language=invited.language, invited_by=by, sent_at=now)
        invitation.ends_at = now + timedelta(days=DAYS)
        key = _new_key(invitation)
        invitation.save()
        invitation.groups.set(invited.groups)
        InvitedRole.objects.bulk_create(
            InvitedRole(invitation=invitation, collection=collection, role=role)
            for collection, role in invited.roles.items()
        )
        _note("created", invitation)
        _send(invitation, key)
    return invitation


def invitation_send_again(*, invitation: Invitation, by: User) -> None:
    """Send the message with a new link, which holds anew from now on; the earlier link ends.

    Raises AppError `invitation.not_found`, `.no_mail`, `.not_sent` (the earlier link goes on), `permission.denied`,
    `throttle.exceeded`.
    """
    _check_mail()
    if not _may_give(by, *_gifts(invitation)):
        raise AppError("permission.denied/look")
    _count(by, invitation.email)
    with transaction.atomic():
        row = Invitation.objects.select_for_update(of=["self"]).filter(pk=invitation.pk).first()
        if row is None:
            raise AppError("invitation.not_found")
        row.invited_by, row.sent_at = by, timezone.now()
        row.ends_at = row.sent_at + timedelta(days=DAYS)
        key = _new_key(row)
        row.save()
        _note("sent_again", row)
        _send(row, key)


@transaction.atomic
def invitation_withdraw(*, invitation: Invitation) -> None:
    """Withdraw an invitation: its link opens nothing from now on; raises AppError `invitation.not_found`."""
    if not Invitation.objects.select_for_update(of=["self"]).filter(pk=invitation.pk).exists():
        raise AppError("invitation.not_found")  # taken meanwhile
    _note("withdrawn", invitation)
    invitation.delete()


def invitation_of_key(key: str) -> Invitation:
    """Return the invitation of a link's key; raises AppError `invitation.not_found` for one that does not hold."""
    number, _, token = key.strip()[:KEY_MAX].partition("-")
    known = number.isascii() and number.isdigit() and len(number) < 19
    return invitation_held(int(number) if known else 0, key_digest(token))


def invitation_held(invitation_id: int, digest: str) -> Invitation:
    """Return the open invitation with this id and digest of its key; raises AppError `invitation.not_found`.

    An invitation holds only as long as whoever sent it may still give what comes with it.
    """
    row = Invitation.objects.select_related("invited_by").filter(pk=invitation_id).first()
    if row is None or not constant_time_compare(row.digest, digest) or row.ends_at <= timezone.now():
        raise AppError("invitation.not_found")
    if not _may_give(row.invited_by, *_gifts(row)):
        raise AppError("invitation.not_found")
    return row


def invitation_accept(*, invitation: Invitation, person: User) -> None:
    """Give somebody with an account what comes with the invitation, which is used up by that.

    Raises AppError `invitation.other_address`, `invitation.not_found`.
    """
    if person.email.casefold() != invitation.email.casefold():
        raise AppError("invitation.other_address")
    with transaction.atomic():
        _use_up(invitation, person)


def invitation_join(*, invitation: Invitation, username: str, password: str) -> User:
    """Make an account with the invitation's address, and give it what comes with the invitation.

    Raises AppError `invitation.has_account`, `invitation.not_found`; IntegrityError where the name is taken meanwhile.
    """
    with transaction.atomic():
        transaction_lock(f"account:{invitation.email.casefold()}")
        _lock(invitation)
        if account_exists(invitation.email):
            raise AppError("invitation.has_account")
        person: User = get_user_model().objects.create_user(username, invitation.email, password)
        audit_note("user.created", person, by=person, invitation=invitation.pk)
        _use_up(invitation, person)
    return person


def account_exists(email: str) -> bool:
    """Return whether somebody has an account, open or closed, with this address."""
    return get_user_model().objects.filter(email__iexact=email).exists()


def invitations_of(collection: Collection) -> QuerySet[Any]:
    """Return the invitations with a role in a collection, newest first.

    Each has that `role`; `elsewhere` counts what else comes with it, which curators of this collection alone do not
    decide.
    """
    rows = Invitation.objects.filter(roles__collection=collection)
    others = Count("roles", filter=~Q(roles__collection=collection), distinct=True)
    return (
        Invitation.objects.filter(pk__in=rows.values("pk"))
        .select_related("invited_by")
        .prefetch_related("roles")
        .annotate(elsewhere=others + Count("groups", distinct=True))
        .order_by("-pk")
    )


def invitations_to_end() -> QuerySet[Invitation]:
    """Return the invitations that ended so long ago that nobody sends them again."""
    return Invitation.objects.filter(ends_at__lt=timezone.now() - timedelta(days=KEPT_DAYS))


def _checked(invited: Invited) -> str:
    """Return the address; raises AppError for what cannot be invited."""
    _check_mail()
    email = invited.email.strip()
    try:
        validate_email(email)
    except ValidationError as error:
        raise AppError.of_parameter("email", gettext("That is no e-mail address.")) from error
    if len(email) > 254 or not email.isprintable():
        raise AppError.of_parameter("email", gettext("That is no e-mail address."))
    if invited.language not in LANGUAGE_NAMES:
        raise AppError.of_parameter("language", gettext("Choose the language of the message."))
    if not {*invited.roles.values()} <= {*Membership.Role.values}:
        raise AppError.of_parameter(
            "role", gettext("A role is one of {values}.").format(values=", ".join(Membership.Role.values))
        )
    return email


def _check_mail() -> None:
    if not settings.CONFIG.sends_mail:
        raise AppError("invitation.no_mail")


def _check_room(collection: Collection, email: str) -> None:
    """Raise where the address is invited to the collection already, or too many are; for two at once, too."""
    transaction_lock(f"invitation:{collection.pk}")
    kept = Invitation.objects.filter(roles__collection=collection)
    if kept.filter(email__iexact=email, ends_at__gt=timezone.now()).exists():
        raise AppError("invitation.pending")
    if kept.count() >= PENDING_MAX:
        raise AppError("invitation.too_many", limit=PENDING_MAX)


def _may_give(person: Any, collections: Sequence[Collection], groups: Sequence[Group]) -> bool:
    """Return whether somebody may give roles in these collections, and membership of these groups."""
    if person is None or not person.is_active:
        return False
    if person.is_superuser:
        return True
    if groups or not collections:
        return False
    curated = Collection.objects.curated_by(person).filter(pk__in=[each.pk for each in collections])
    return bool(curated.count() == len(collections))


def _gifts(invitation: Invitation) -> tuple[list[Collection], list[Group]]:
    roles = invitation.roles.select_related("collection")
    return [role.collection for role in roles], list(invitation.groups.all())


def _count(by: User, email: str) -> None:
    mailbox = salted_hmac(__name__, email.casefold(), algorithm="sha256").hexdigest()[:24]
    for name, rate in ((f"person:{by.pk}", INVITES_PERSON), (f"mailbox:{mailbox}", INVITES_MAILBOX)):
        take_or_refuse(f"invitation:{name}", rate)


def _new_key(invitation: Invitation) -> str:
    token = secrets.token_urlsafe(KEY_BYTES)
    invitation.digest = key_digest(token)
    return token


def _send(invitation: Invitation, token: str) -> None:
    """Send the message; raises AppError `invitation.not_sent`, which takes back the transaction."""
    try:
        invitation_send(invitation, f"{invitation.pk}-{token}", settings.CONFIG)
    except (OSError, ValueError) as error:  # SMTP's errors are OSErrors, those of an address ValueErrors
        LOG.warning("an invitation could not be handed over: %s", error)
        raise AppError("invitation.not_sent") from error


def _lock(invitation: Invitation) -> None:
    """Wait for whoever takes the invitation just now; raises AppError `invitation.not_found` where it is gone then."""
    rows = Invitation.objects.select_for_update(of=["self"])
    if not rows.filter(pk=invitation.pk, digest=invitation.digest, ends_at__gt=timezone.now()).exists():
        raise AppError("invitation.not_found")


def _use_up(invitation: Invitation, person: User) -> None:
    _lock(invitation)
    for role in invitation.roles.select_related("collection"):
        with members_audited(role.collection):
            _give(role, person)
    groups = list(invitation.groups.all())
    person.groups.add(*groups)
    names = sorted(group.name for group in groups)
    audit_note("invitation.accepted", person, by=person, invitation=invitation.pk, groups_added=names)
    invitation.delete()


def _give(invited: InvitedRole, person: User) -> None:
    """Give a role, unless the person has a higher one."""
    member, new = Membership.objects.get_or_create(
        collection=invited.collection, user=person, defaults={"role": invited.role}
    )
    if not new and RANKS[member.role] < RANKS[invited.role]:
        member.role = invited.role
        member.save(update_fields=["role"])


def _note(what: str, invitation: Invitation) -> None:
    roles = {role.collection.slug: role.role for role in invitation.roles.select_related("collection")}
    groups = [group.name for group in invitation.groups.all()]
    collections = [role.collection_id for role in invitation.roles.all()]
    collection = collections[0] if len(collections) == 1 else None
    audit_note(f"invitation.{what}", invitation, collection=collection, roles=roles, groups=groups)
