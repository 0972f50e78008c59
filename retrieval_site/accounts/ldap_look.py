"""What the directory says of somebody, and what that would make of them here, in words for an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ldap
from allauth.socialaccount.models import SocialAccount
from django_auth_ldap.backend import _LDAPUser

from retrieval_site.accounts.claims import check_groups, rights_of
from retrieval_site.accounts.directory import PROVIDER
from retrieval_site.accounts.ldap_directory import (
    LdapDirectory,
    account_named,
    fields_of,
    groups_of,
    identity_of,
    may_take,
    name_of,
)
from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrieval_site.accounts.config import LdapConfig


class LookError(Exception):
    """The look ends here; the text says why."""


def directory_look(config: LdapConfig, name: str, password: str = "") -> Iterator[str]:
    """Yield what is found, line by line; nothing here is changed. Raises LookError with a sentence."""
    found = _LDAPUser(LdapDirectory(config), username=name)
    yield from _connected(config, found, name, password)
    yield from _person(config, found, name)
    groups = groups_of(found, config)
    yield f"Groups: {', '.join(sorted(groups)) or 'none'}."
    yield _account(config, found, name, groups)
    here = sorted({mine for theirs, mine in config.group_map.items() if theirs in groups})
    rights = [right for right, given in rights_of(groups, config).items() if given]
    yield f"Groups and rights here: {', '.join([*here, *rights]) or 'none by the settings'}."


def _connected(config: LdapConfig, found: Any, name: str, password: str) -> Iterator[str]:
    """Bind, as somebody's own with a password."""
    try:
        if password:
            found._authenticate_user_dn(password)
        else:
            found._bind()
    except found.AuthenticationFailed as error:
        raise LookError(f"“{name}” is not there, or the password is another: {error}") from error
    except ldap.INVALID_CREDENTIALS as error:
        raise LookError(f"{config.url} refuses LDAP_BIND_DN with LDAP_BIND_PASSWORD.") from error
    except ldap.LDAPError as error:
        said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        reason = (
            ", ".join(str(said[key]) for key in ("desc", "info") if said.get(key)) or type(error).__name__
        )
        raise LookError(
            f"{config.url} does not answer as it should: {reason}. Is the name right, the port open, its certificate"
            " known (LDAP_CA_FILE)?"
        ) from error
    secret = config.start_tls or config.url.startswith("ldaps:")
    yield f"{config.url} answers, {'by TLS' if secret else 'WITHOUT TLS: passwords travel readable'}."
    yield f"Asked as {name if password else config.bind_dn or 'nobody'}."


def _person(config: LdapConfig, found: Any, name: str) -> Iterator[str]:
    try:
        attributes = found.attrs if found.dn else None
    except (AppError, ldap.LDAPError) as error:
        raise LookError(f"The search below {config.user_base or config.user_dn} fails: {error}") from error
    if not attributes:
        where = f"{config.user_filter} below {config.user_base}" if config.user_base else config.user_dn
        raise LookError(f"Nobody, or more than one, is found for “{name}” by {where}.")
    fields = {field: value for field, value in fields_of(attributes).items() if value}
    yield f"Found {found.dn}, known by {identity_of(found).partition(':')[0]}: {fields or 'no name and no address'}."


def _account(config: LdapConfig, found: Any, name: str, groups: frozenset[str]) -> str:
    """Return which account is theirs, or why they are refused."""
    link = (
        SocialAccount.objects.filter(provider=PROVIDER, uid=identity_of(found)).select_related("user").first()
    )
    try:
        check_groups(groups, config)
    except AppError as error:
        return _refused(error)
    if link:
        state = "" if link.user.is_active else ", which is not active"
        return f"Signs in as “{link.user.get_username()}”{state}."
    here = name_of(name, found.attrs, config)
    known = account_named(here)
    if known is not None:
        if may_take(known, found.attrs, config):
            return f"Would get the account “{here}”, which is there."
        return _refused(AppError("auth.directory_name_taken"))
    return f"Would get a new account “{here}”." if config.sign_up else _refused(AppError("auth.no_account"))


def _refused(error: AppError) -> str:
    return f"Would be refused: {error}"
