"""Asking the directory: django-auth-ldap, stricter. Imported only where a directory is set and somebody signs in by it.

Somebody is known by what the directory never gives to another: `entryUUID`, or `objectGUID` of Active Directory;
without both, the distinguished name. It is kept beside the account, as a provider's subject is (`SocialAccount`).
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

import ldap
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.dispatch import receiver
from django_auth_ldap import config as library
from django_auth_ldap.backend import LDAPBackend, LDAPSettings, ldap_error

from retrieval_site.accounts.claims import check_groups, person_follow_claims
from retrieval_site.accounts.config import GROUP_TYPES
from retrieval_site.accounts.directory import NAME, PROVIDER
from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError, readable

if TYPE_CHECKING:
    from retrieval_site.accounts.config import LdapConfig
    from retrieval_site.accounts.models import User

LOG = logging.getLogger(__name__)
FIELDS = {"first_name": "givenName", "last_name": "sn", "email": "mail"}
IDENTITIES = ("entryUUID", "objectGUID")
OF_THE_PERSON = (
    ldap.INVALID_DN_SYNTAX,
    ldap.NO_SUCH_OBJECT,
    ldap.UNWILLING_TO_PERFORM,
    ldap.INAPPROPRIATE_AUTH,
    ldap.CONSTRAINT_VIOLATION,
)
"""What a directory answers to somebody whose name is wrong, or whose account is locked there.

Of a wrong password the library itself speaks; `INVALID_CREDENTIALS` that come here are of the service.
"""
UID_MAX = 191
"""Characters of an account's link."""


class LdapDirectory(LDAPBackend):
    """One directory, asked for one sign-in. Raises AppErrors `auth.…`."""

    def __init__(self, config: LdapConfig) -> None:
        self.config = config
        self.settings = LDAPSettings("SIGHTLINE_LDAP_", _settings(config))

    def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[User, bool]:
        """Return the account of somebody whom the directory knows by this name and password."""
        groups = groups_of(ldap_user, self.config)
        try:
            person = self._account(username, ldap_user, groups)
        except IntegrityError:  # another request made it meanwhile, or took this name
            person = self._account(username, ldap_user, groups)
        fields = fields_of(ldap_user.attrs)
        changed = {name: value for name, value in fields.items() if getattr(person, name) != value}
        for name, value in changed.items():
            setattr(person, name, value)
        if changed:
            person.save(update_fields=[*changed])
        if ldap_user.attrs.get(FIELDS["email"]) and not fields["email"]:
            LOG.warning("what the directory says to be the address of account %s is none", person.pk)
        return person, False

    @transaction.atomic
    def _account(self, username: str, ldap_user: Any, groups: frozenset[str]) -> User:
        identity = identity_of(ldap_user)
        link = SocialAccount.objects.filter(provider=PROVIDER, uid=identity).select_related("user").first()
        if link:  # also of somebody who is refused now: their tokens go on with what is left
            person: User = link.user
            if link.extra_data.get(NAME) != username:
                link.extra_data = {**link.extra_data, NAME: username}
                link.save(update_fields=["extra_data"])
            self._follow(person, groups)
            return person
        check_groups(groups, self.config)
        person = self._new_account(name_of(username, ldap_user.attrs, self.config), ldap_user.attrs)
        SocialAccount.objects.create(
            user=person, provider=PROVIDER, uid=identity, extra_data={NAME: username}
        )
        self._follow(person, groups)
        return person

    def _follow(self, person: User, groups: frozenset[str]) -> None:
        person_follow_claims(person=person, groups=groups, rules=self.config)

    def _new_account(self, name: str, attributes: Any) -> User:
        """Return the account that becomes theirs: one of this name, where that is allowed, or a new one."""
        known = account_named(name)
        if known is not None:
            if not may_take(known, attributes, self.config):
                raise AppError("auth.directory_name_taken")
            audit_note("user.joined", known, by=known, directory=self.config.url)
            return known
        if not self.config.sign_up:
            raise AppError("auth.no_account")
        person: User = get_user_model()(username=name)
        person.set_unusable_password()
        person.save()
        audit_note("user.created", person, by=person, directory=self.config.url)
        return person

    def authenticate_ldap_user(self, ldap_user: Any, password: str) -> User | None:
        """Return whose password this is, with their groups looked at once more after these were followed."""
        person: User | None = super().authenticate_ldap_user(ldap_user, password)
        if person is not None:
            check_groups(groups_of(ldap_user, self.config), self.config)
        return person


def account_named(name: str) -> User | None:
    """Return the account with this name, whatever the case of its letters."""
    return get_user_model().objects.filter(username__iexact=name).first()


def may_take(known: User, attributes: Any, config: LdapConfig) -> bool:
    """Return whether an account of the same name may become the directory's: never one that has another sign-in.

    Nor one with another address: whoever is invited chooses their name, so it may be that of somebody in the directory.
    """
    same = known.email.casefold() in ("", fields_of(attributes)["email"].casefold())
    return config.match_name and same and not SocialAccount.objects.filter(user=known).exists()


def groups_of(ldap_user: Any, config: LdapConfig) -> frozenset[str]:
    """Return the names (`cn`) of somebody's groups; raises AppError `auth.directory_unreachable`."""
    try:
        return frozenset(ldap_user.group_names) if config.group_base else frozenset()
    except ldap.LDAPError as error:
        raise _unreachable(error) from error


def identity_of(ldap_user: Any) -> str:
    """Return what the directory never gives to another."""
    for name in IDENTITIES:
        for value in ldap_user.attrs.get(name, []):
            return _within(f"{name}:{value.hex() if isinstance(value, bytes) else value.encode().hex()}")
    return _within(f"dn:{ldap_user.dn.casefold()}")


def _within(identity: str) -> str:
    """Return an identity as a link can hold it: of a longer one the digest, as its beginning may be another's, too."""
    return identity if len(identity) <= UID_MAX else f"sha256:{hashlib.sha256(identity.encode()).hexdigest()}"


def name_of(entered: str, attributes: Any, config: LdapConfig) -> str:
    """Return the name of somebody's account here."""
    found = [value for value in attributes.get(config.user_name, []) if isinstance(value, str)]
    return str(readable((found or [entered])[0].strip().lower()))[:150]


def fields_of(attributes: Any) -> dict[str, str]:
    """Return what the directory says of a person's name and address, as an account holds it.

    Directories do not check addresses: the first that is one counts.
    """
    said = {}
    for field, name in FIELDS.items():
        longest = int(getattr(get_user_model()._meta.get_field(field), "max_length", 0))
        values = [str(readable(value)) for value in attributes.get(name, []) if isinstance(value, str)]
        if field == "email":
            values = [value for value in values if len(value) <= longest and _is_address(value)]
        said[field] = values[0].replace("\0", "")[:longest] if values else ""
    return said


def _is_address(value: str) -> bool:
    try:
        validate_email(value)
    except ValidationError:
        return False
    return True


@receiver(ldap_error, sender=LdapDirectory)
def _failed(exception: Exception, context: str, **_: Any) -> None:
    """Tell a directory that does not answer from somebody whose password is wrong."""
    if not (isinstance(exception, OF_THE_PERSON) and context == "authenticate"):
        raise _unreachable(exception) from exception


def _unreachable(reason: Exception) -> AppError:
    LOG.warning("the directory does not answer as it should: %s", type(reason).__name__)
    return AppError("auth.directory_unreachable")


def _settings(config: LdapConfig) -> dict[str, Any]:
    """Return the settings in the words of django-auth-ldap."""
    attributes = ["cn", "memberOf", "gidNumber", config.user_name, *FIELDS.values(), *IDENTITIES]
    groups: dict[str, Any] = {}
    if config.group_base:
        subtree = library.LDAPSearch(config.group_base, ldap.SCOPE_SUBTREE, config.group_filter)
        groups = {"GROUP_SEARCH": subtree, "GROUP_TYPE": getattr(library, GROUP_TYPES[config.group_type])()}
    users: dict[str, Any] = {"USER_DN_TEMPLATE": config.user_dn or None}
    if config.user_base:
        search = library.LDAPSearch(config.user_base, ldap.SCOPE_SUBTREE, config.user_filter, attributes)
        users["USER_SEARCH"] = search
    return {
        "SERVER_URI": config.url,
        "START_TLS": config.start_tls,
        "BIND_DN": config.bind_dn,
        "BIND_PASSWORD": config.bind_password,
        "BIND_AS_AUTHENTICATING_USER": not config.bind_dn,
        "CONNECTION_OPTIONS": _options(config),
        "USER_ATTRLIST": attributes,
        "ALWAYS_UPDATE_USER": False,
        **users,
        **groups,
    }


def _options(config: LdapConfig) -> dict[int, Any]:
    """Return the options of a connection; the one that applies those about TLS is the last."""
    options: dict[int, Any] = {
        ldap.OPT_REFERRALS: 0,
        ldap.OPT_NETWORK_TIMEOUT: config.seconds,
        ldap.OPT_TIMEOUT: config.seconds,
        ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_DEMAND,
    }
    if config.ca_file:
        options[ldap.OPT_X_TLS_CACERTFILE] = config.ca_file
    options[ldap.OPT_X_TLS_NEWCTX] = 0
    return options
