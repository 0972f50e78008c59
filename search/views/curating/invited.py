"""Inviting people to a collection, on the page of its members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.utils import timezone
from django.utils.translation import get_language, gettext

from retrieval_site.people import signed_in
from search.services.invitations import (
    DAYS,
    Invited,
    invitation_create,
    invitation_send_again,
    invitation_withdraw,
    invitations_of,
)
from search.views.curating.common import numbers_of

if TYPE_CHECKING:
    from django.http import HttpRequest

    from search.models import Collection, Invitation


def invitations_shown(collection: Collection) -> dict[str, Any]:
    """Return what the page shows of a collection's invitations."""
    rows: list[Any] = list(invitations_of(collection))
    for row in rows:
        row.role = next(role for role in row.roles.all() if role.collection_id == collection.pk)
    return {
        "invitations": rows,
        "invites": settings.CONFIG.sends_mail,
        "languages": settings.LANGUAGES,
        "language": get_language(),
        "days": DAYS,
        "now": timezone.now(),
    }


def invitation_done(request: HttpRequest, collection: Collection) -> None:
    """Do what a form about invitations asks for; raises AppErrors `invitation.…`."""
    asked: Any = request.POST
    match asked.get("do"):
        case "invite":
            invited = Invited(
                asked.get("email", ""), asked.get("language", ""), {collection: asked.get("role", "")}
            )
            invitation_create(invited=invited, by=signed_in(request))
            messages.success(request, gettext("The invitation is sent."))
        case "send-again":
            for row in _chosen(asked, collection):
                invitation_send_again(invitation=row, by=signed_in(request))
                messages.success(request, gettext("The invitation is sent again; the earlier link ends."))
        case "withdraw":
            for row in _chosen(asked, collection):
                invitation_withdraw(invitation=row)
                messages.success(request, gettext("The invitation is withdrawn."))


def _chosen(asked: Any, collection: Collection) -> list[Invitation]:
    """Return the invitation of a form, unless more than this collection comes with it: that is for administrators."""
    numbers = numbers_of(asked.getlist("invitation"))
    return list(invitations_of(collection).filter(pk__in=numbers, elsewhere=0))
