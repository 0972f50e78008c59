"""Whom a provider's sign-in may get an account because they were invited: whoever registers knows of invitations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

_askers: list[Callable[[HttpRequest, str], bool]] = []


def invited_register(asker: Callable[[HttpRequest, str], bool]) -> None:
    """Have a function asked whether this browser came by an open invitation for a verified address."""
    if asker not in _askers:
        _askers.append(asker)


def is_invited(request: HttpRequest, email: str) -> bool:
    """Return whether somebody with this verified address, none for "", came by an invitation for it."""
    return bool(email) and any(asker(request, email) for asker in _askers)
