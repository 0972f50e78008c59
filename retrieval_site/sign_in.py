"""Signing in, slowed down after failures: for one account from one address, and for one address whatever it tries.

Nobody can lock a stranger's account from elsewhere: what counts is the pair. Every attempt is counted before the
password is looked at, so that a hundred at once are not all let through; a right password takes back what was counted
for the pair. What is counted lies in Redis for half an hour at most, under a keyed hash: no names of people.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import MinimumLengthValidator
from django.utils.crypto import salted_hmac

from retrieval_site.errors import AppError
from retrieval_site.rates import Rate
from retrieval_site.throttling import address_of, forget, forget_all, take, whole_seconds

if TYPE_CHECKING:
    from django.http import HttpRequest

LOG = logging.getLogger(__name__)
PREFIX = "signin"


def account_rate() -> Rate:
    """Return how many failures an account may have from one address."""
    return Rate(settings.CONFIG.sign_in_failures, settings.CONFIG.sign_in_pause_seconds)


def address_rate() -> Rate:
    """Return how many failures one address may have, over all accounts and tokens."""
    return Rate(settings.CONFIG.sign_in_failures_address, settings.CONFIG.sign_in_pause_seconds)


def count_attempt(request: HttpRequest, username: str) -> None:
    """Count an attempt to sign in; raises AppError `auth.too_many_failures` where there were too many."""
    address = address_of(request)
    wait = take(_address(address), address_rate())  # first: an address at its end makes no new counters
    if not wait and (wait := take(_pair(username, address), account_rate())):
        take(_address(address), address_rate(), -1.0)
    if wait:
        LOG.warning("sign-in from %s refused after too many failures", address)
        raise too_many_failures(wait)


def count_failure(request: HttpRequest) -> None:
    """Count something else that failed to prove who it is, as a token; raises as `count_attempt`."""
    if wait := take(_address(address_of(request)), address_rate()):
        raise too_many_failures(wait)


def forget_pair(request: HttpRequest, username: str) -> None:
    """Take back what was counted of an account from this address: it was its owner."""
    address = address_of(request)
    forget(_pair(username, address), account_rate())
    take(_address(address), address_rate(), -1.0)


def forget_account(username: str) -> int:
    """Let an account sign in again from everywhere; return how many pauses that lifted."""
    return forget_all(f"{PREFIX}:account:{_hashed(username)}:")


def forget_everything() -> int:
    """Lift every pause, of accounts and of addresses; return how many."""
    return forget_all(f"{PREFIX}:")


def too_many_failures(wait: float) -> AppError:
    """Return the refusal, with the time to wait."""
    seconds = whole_seconds(wait)
    return AppError("auth.too_many_failures", retry_after_seconds=seconds)


class SignInForm(AuthenticationForm):
    """The pages' sign-in form, whose failures are counted."""

    def clean(self) -> dict[str, Any]:
        """Check name and password; raises AppError `auth.too_many_failures` without looking at them."""
        username = str(self.cleaned_data.get("username") or "")
        assert self.request is not None  # noqa: S101  (the page gives it)
        count_attempt(self.request, username)
        cleaned: dict[str, Any] = super().clean()
        if self.get_user() is not None:  # an empty password proves nothing and is no error here
            forget_pair(self.request, username)
        return cleaned


class LengthAndPause(MinimumLengthValidator):
    """The rule of length, which also hears of new passwords: whoever has one may use it at once."""

    def password_changed(self, password: str, user: Any = None) -> None:
        """Lift the account's pauses, however the password was set: page, admin or command."""
        if user is not None:
            forget_account(user.get_username())


def known_account(username: str) -> bool:
    """Return whether there is such a user, for the command that lifts a pause."""
    return get_user_model().objects.filter(username=username).exists()


def _pair(username: str, address: str) -> str:
    return f"{PREFIX}:account:{_hashed(username)}:{address}"


def _address(address: str) -> str:
    return f"{PREFIX}:address:{address}"


def _hashed(username: str) -> str:
    return salted_hmac(f"{__name__}.account", username.casefold(), algorithm="sha256").hexdigest()[:24]
