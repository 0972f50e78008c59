"""Signing in by the organisation's directory (LDAP): the backend that Django asks. What speaks LDAP loads late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from django.http import HttpRequest

    from retrieval_site.accounts.models import User

PROVIDER = "ldap"
"""How an account's link to the directory is marked, beside those to providers."""
NAME = "name"
"""Under which their link keeps the name by which somebody last signed in: an account's own can be another."""
NAME_MAX = 150
PASSWORD_MAX = 1000


class DirectoryBackend(ModelBackend):
    """Names and passwords that the directory knows. Accounts, sessions and rights are Django's own."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        """Return whose name and password these are in the directory; raises AppError `auth.…` for who may not come in.

        Django asks this after its own backend, so somebody with a password here does not depend on the directory.
        """
        name = (username or "").strip()
        if settings.CONFIG.ldap is None or not name or not password or not _is_plain(name, password):
            return None
        try:
            from retrieval_site.accounts.ldap_directory import LdapDirectory
        except ImportError as error:
            raise AppError("auth.directory_library") from error
        person = LdapDirectory(settings.CONFIG.ldap).authenticate(request, username=name, password=password)
        return person if person is not None and self.user_can_authenticate(person) else None


def is_of_directory(person: User) -> bool:
    """Return whether somebody's account is the directory's."""
    from allauth.socialaccount.models import SocialAccount  # models, which are not loaded yet where this is

    return bool(SocialAccount.objects.filter(user=person, provider=PROVIDER).exists())


def sign_in_name(person: User) -> str:
    """Return the name that somebody's password belongs to: of an account of the directory, the one used last there."""
    from allauth.socialaccount.models import SocialAccount

    if settings.CONFIG.ldap and not person.has_usable_password():
        link = SocialAccount.objects.filter(user=person, provider=PROVIDER).first()
        if link and link.extra_data.get(NAME):
            return str(link.extra_data[NAME])
    return person.get_username()


def _is_plain(name: str, password: str) -> bool:
    return len(name) <= NAME_MAX and len(password) <= PASSWORD_MAX and "\0" not in name + password
