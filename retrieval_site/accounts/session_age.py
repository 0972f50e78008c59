"""A session ends a fixed time after its sign-in: who was locked out elsewhere is out here then, too."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.utils import timezone

if TYPE_CHECKING:
    from django.http import HttpRequest


@receiver(user_logged_in)
def _end_is_fixed(request: HttpRequest, **_: Any) -> None:
    """Give the session its end; without one, Django would begin the time anew whenever the session is written."""
    request.session.set_expiry(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))
