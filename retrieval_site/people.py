"""Who is asking, and what they may do at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from django.http import HttpRequest

    from retrieval_site.accounts.models import User

MANAGE_MODELS = "models_admin.manage_models"
"""The permission that lets somebody manage models and gives no other right of a superuser."""


def anybody_searches() -> bool:
    """Return whether searching needs no account here."""
    return bool(settings.CONFIG.anonymous_search)


class Guest(AnonymousUser):
    """Somebody without an account who came by links that have not ended; `guest_of`: ids of the collections."""

    def __init__(self, guest_of: tuple[int, ...]) -> None:
        super().__init__()
        self.guest_of = guest_of


def is_guest(viewer: Any) -> bool:
    """Return whether somebody reads by a link alone."""
    return isinstance(viewer, Guest)


def may_search(viewer: Any) -> bool:
    """Return whether this person may search at all."""
    return anybody_searches() or viewer.is_authenticated or is_guest(viewer)


def manages_models(user: Any) -> bool:
    """Return whether this person, None for nobody, may upload, name and switch every model version.

    Asked of an account that is no superuser, it costs two queries; the answer is kept with the object.
    """
    return bool(getattr(user, "is_active", False) and user.has_perm(MANAGE_MODELS))


def account_of(viewer: Any) -> Any:
    """Return the id of somebody's account; raises AppError `auth.required` for nobody's."""
    if viewer is None or not viewer.is_authenticated:
        raise AppError("auth.required/account")
    return viewer.pk


def signed_in(request: HttpRequest) -> User:
    """Return the user of a request to a page that only signed-in people reach; raises PermissionDenied."""
    if isinstance(request.user, AnonymousUser):
        raise PermissionDenied
    return request.user
