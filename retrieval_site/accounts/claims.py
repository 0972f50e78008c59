"""What a provider or a directory says of a person, and what that makes of their account here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from retrieval_site.people import MANAGE_MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retrieval_site.accounts.config import LdapConfig, OidcConfig
    from retrieval_site.accounts.models import User

_APP, _, _MODELS = MANAGE_MODELS.partition(".")


def groups_of(claims: Mapping[str, Any], oidc: OidcConfig) -> frozenset[str]:
    """Return the provider's groups of a person.

    The claim's name may be a path, `realm_access.roles`. Raises AppError `auth.groups_unknown` where the provider says
    that the groups have to be asked for elsewhere.
    """
    if oidc.groups_claim in (claims.get("_claim_names") or {}):
        raise AppError("auth.groups_unknown")
    found: Any = claims.get(oidc.groups_claim)
    if found is None:
        found = claims
        for step in oidc.groups_claim.split("."):
            found = found.get(step) if isinstance(found, dict) else None
    named = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return frozenset(name for name in named if isinstance(name, str))


def check_groups(groups: frozenset[str], rules: OidcConfig | LdapConfig) -> None:
    """Raise AppError `auth.not_in_group` for somebody whose groups may not sign in."""
    if rules.groups and groups.isdisjoint(rules.groups):
        raise AppError("auth.not_in_group")


@transaction.atomic
def person_follow_claims(*, person: User, groups: frozenset[str], rules: OidcConfig | LdapConfig) -> None:
    """Give a person the groups and rights that their groups there stand for, and take away those that they lack.

    Groups and rights that no setting names stay as they are. What changed is noted in the audit log.
    """
    wanted = {here for theirs, here in rules.group_map.items() if theirs in groups}
    has = set(person.groups.filter(name__in=rules.group_map.values()).values_list("name", flat=True))
    added, removed = sorted(wanted - has), sorted(has - wanted)
    person.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in added))
    person.groups.remove(*Group.objects.filter(name__in=removed))
    rights = rights_of(groups, rules)
    manages = rights.pop(_MODELS, None)
    changed = {name: value for name, value in rights.items() if getattr(person, name) != value}
    for name, value in changed.items():
        setattr(person, name, value)
    if changed:
        person.save(update_fields=[*changed])
    if manages is not None and _manages_models(person, manages):
        changed[_MODELS] = manages
    if added or removed or changed:
        audit_note(
            "user.groups_followed",
            person,
            by=person,
            groups_added=added,
            groups_removed=removed,
            rights=changed,
        )


def _manages_models(person: User, manages: bool) -> bool:  # noqa: FBT001  (what is set, as in a setter)
    """Give a person the permission to manage models, or take it; return whether that changed anything."""
    permission = Permission.objects.get(content_type__app_label=_APP, codename=_MODELS)
    if person.user_permissions.filter(pk=permission.pk).exists() == manages:
        return False
    (person.user_permissions.add if manages else person.user_permissions.remove)(permission)
    return True


def rights_of(groups: frozenset[str], rules: OidcConfig | LdapConfig) -> dict[str, bool]:
    """Return which rights the groups decide, and how; who administers or manages models is staff, too."""
    rights = {}
    if rules.admin_groups:
        rights["is_superuser"] = not groups.isdisjoint(rules.admin_groups)
    if rules.model_groups:
        rights[_MODELS] = not groups.isdisjoint(rules.model_groups)
    if staff := [*rules.staff_groups, *rules.admin_groups, *rules.model_groups]:
        rights["is_staff"] = not groups.isdisjoint(staff)
    return rights
