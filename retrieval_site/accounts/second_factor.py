"""Second factors: required of staff where that is set, and noted in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.dispatch import receiver
from django.shortcuts import redirect

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from retrieval_site.handlers import error_answer, is_api

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest, HttpResponse, HttpResponseBase

    from retrieval_site.accounts.models import User

MEANWHILE = frozenset({
    "mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "mfa_view_recovery_codes", "mfa_download_recovery_codes",
    "account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn", "provider_sign_in",
    "provider_callback", "logout", "brand_accent", "brand_file", "manifest", "set_language",
})  # fmt: skip
"""What somebody who lacks a second factor reaches: the pages to set one up, and what makes these look as ever."""


class SecondFactorMiddleware:
    """Leads staff without a second factor to where they set one up, if one is required; tokens of programs go on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]
    ) -> HttpResponseBase | None:
        """Return the way to the page, for the API the refusal `auth.second_factor_required`, or None."""
        if not settings.CONFIG.second_factor_staff or not is_missing(request):
            return None
        if is_api(request):
            by_token = request.headers.get("Authorization", "").strip()  # a wrong one is refused
            return None if by_token else error_answer(AppError("auth.second_factor_required"))
        match = request.resolver_match
        return None if match and match.url_name in MEANWHILE else redirect("mfa_index")


def is_missing(request: HttpRequest) -> bool:
    """Return whether the session is of staff without a second factor, here or at the provider that asks for one."""
    user: Any = request.user
    if not (user.is_authenticated and user.is_staff):
        return False
    oidc = settings.CONFIG.oidc
    if oidc and oidc.second_factor:
        records = get_authentication_records(request, user)
        if any(record["method"] == "socialaccount" for record in records):
            return False
    return not Authenticator.objects.filter(user=user).exists()


@transaction.atomic
def second_factor_remove(*, person: User) -> bool:
    """Take away all second factors of somebody who lost theirs; return whether there was one."""
    gone, _ = Authenticator.objects.filter(user=person).delete()
    if gone:
        audit_note("second_factor.removed", person, kind="all")
    return bool(gone)


@receiver(signals.authenticator_added)
def _added(user: User, authenticator: Authenticator, **_: Any) -> None:
    audit_note("second_factor.added", user, by=user, kind=authenticator.type)


@receiver(signals.authenticator_removed)
def _removed(user: User, authenticator: Authenticator, **_: Any) -> None:
    audit_note("second_factor.removed", user, by=user, kind=authenticator.type)


@receiver(signals.authenticator_reset)
def _reset(user: User, authenticator: Authenticator, **_: Any) -> None:
    audit_note("second_factor.codes_made", user, by=user)
