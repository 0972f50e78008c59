"""Where allauth asks the site: what confirms a person, how a second factor is kept, what is told to them."""

from __future__ import annotations

import base64
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth import authenticate
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from retrieval_site.accounts.directory import is_of_directory, sign_in_name
from retrieval_site.errors import AppError
from retrieval_site.sign_in import count_attempt, forget_pair
from retrieval_site.throttling import address_of

if TYPE_CHECKING:
    from cryptography.fernet import Fernet
    from django.http import HttpRequest, HttpResponse


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by administrators and by the provider, never by a form for strangers."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that everything else here counts by."""
        return address_of(request)

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        """Raise AppError `auth.account_inactive`."""
        raise AppError("auth.account_inactive")

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        """Say what was done to a second factor, and not that somebody signed in."""
        if message_template is None or message_template.startswith("mfa/"):
            super().add_message(request, level, message_template, *args, **kwargs)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return whether somebody has to prove again who they are: not right after they signed in."""
        records = get_authentication_records(context.request, context.request.user)
        recent = bool(records) and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT
        return not recent

    def reauthenticate(self, user: Any, password: str) -> bool:
        """Return whether this is somebody's password; a wrong one counts as a failed sign-in.

        Raises AppError `auth.too_many_failures`.
        """
        count_attempt(context.request, user.get_username())
        found = authenticate(context.request, username=sign_in_name(user), password=password)
        if found is None or found.pk != user.pk:
            return False
        forget_pair(context.request, user.get_username())
        return True

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return the ways to prove it; who has neither a password nor a second factor here asks the provider.

        Somebody of the directory has their password there.
        """
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if settings.CONFIG.ldap and not user.has_usable_password() and is_of_directory(user):
            page = reverse("account_reauthenticate")
            methods.insert(0, {"id": "reauthenticate", "description": "Use your password", "url": page})
        if not methods and settings.CONFIG.oidc:
            methods.append(
                {
                    "id": "provider",
                    "description": gettext("Sign in again"),
                    "url": reverse("provider_sign_in"),
                }
            )
        return methods


class SecondFactorAdapter(DefaultMFAAdapter):
    """Keys of second factors lie encrypted in the database; their picture is drawn without an imaging library."""

    def encrypt(self, text: str) -> str:
        """Return the text under a key made of `SECRET_KEY`."""
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the text; raises AppError `auth.second_factor_unreadable` where `SECRET_KEY` is another now."""
        from cryptography.fernet import InvalidToken

        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken as error:
            raise AppError("auth.second_factor_unreadable") from error

    def get_totp_issuer(self) -> str:
        """Return the site's name, which apps show beside the codes."""
        return str(settings.CONFIG.site_name)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the host, and the site's name, which devices show beside passkeys."""
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": str(settings.CONFIG.site_name)}

    def build_totp_svg(self, url: str) -> str:
        """Return a QR code of an address."""
        import segno

        drawn = BytesIO()
        segno.make(url, micro=False).save(drawn, kind="svg", xmldecl=False, scale=5, light="#fff")
        return drawn.getvalue().decode()


def _cipher() -> Fernet:
    from cryptography.fernet import Fernet

    key = salted_hmac("retrieval_site.accounts.second_factor", "", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
