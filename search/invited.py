"""Whoever opened an invitation's link: their session holds it until they have signed in or made an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from search.services.invitations import account_exists, invitation_held

if TYPE_CHECKING:
    from django.http import HttpRequest

    from search.models import Invitation

HELD = "invitation"


def invitation_hold(request: HttpRequest, invitation: Invitation) -> None:
    """Have the session hold an invitation; signing in keeps it."""
    request.session[HELD] = [invitation.pk, invitation.digest]


def invitation_let_go(request: HttpRequest) -> None:
    """Have the session hold none."""
    request.session.pop(HELD, None)


def invitation_in_hand(request: HttpRequest) -> Invitation:
    """Return the invitation that the session holds; raises AppError `invitation.not_found` where it holds no more."""
    invitation_id, digest = request.session.get(HELD) or (0, "")
    return invitation_held(invitation_id, digest)


def invited_by_link(request: HttpRequest, email: str) -> bool:
    """Return whether this browser came by an open invitation for an address that no account has."""
    try:
        invitation = invitation_in_hand(request)
    except AppError:
        return False
    return invitation.email.casefold() == email.casefold() and not account_exists(email)
