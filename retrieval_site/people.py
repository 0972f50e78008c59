"""Who is asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest


def signed_in(request: HttpRequest) -> User:
    """Return the user of a request to a page that only signed-in people reach; raises PermissionDenied."""
    if isinstance(request.user, AnonymousUser):
        raise PermissionDenied
    return request.user
