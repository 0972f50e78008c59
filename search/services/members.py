"""Who has which role in a collection: users and groups."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from search.models import Membership

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import Model, QuerySet

    from search.models import Collection

NAME_MAX = 150
"""Of a user or a group."""
HOLDERS = tuple(f"{role}{of}" for role in Membership.Role.values for of in ("", "_group"))
"""Under which names of users and of groups are told: `reader`, `reader_group`, and so on."""


@contextmanager
def members_audited(collection: Collection) -> Iterator[None]:
    """Note in the audit log who came to a collection and who left it meanwhile; in a transaction with that."""
    with transaction.atomic():
        before = members_of(collection)
        yield
        after = members_of(collection)
        if changes := _difference(before, after):
            people = _ids(changes)
            audit_note("members.changed", collection, collection=collection.pk, **changes, **people)


def members_replace(*, collection: Collection, role: str, names: Iterable[str], groups: bool = False) -> None:
    """Give exactly these users, or these groups, a role; who had another role and is named here changes over.

    Raises AppError `user.not_found` or `group.not_found` naming those that do not exist, and then changes nothing.
    """
    kind = "group" if groups else "user"
    with members_audited(collection):
        holders = _holders(kind, set(names))
        rows = Membership.objects.filter(collection=collection, role=role).exclude(**{kind: None})
        rows.exclude(**{f"{kind}__in": holders}).delete()
        _give(collection, kind, role, holders)


def member_set(*, collection: Collection, role: str, name: str, group: bool = False) -> None:
    """Give one user, or one group, a role in place of an earlier one.

    Raises AppError `user.not_found`, `group.not_found`, and `parameter.invalid` for a role that there is not.
    """
    if role not in Membership.Role.values:
        raise AppError.of_parameter(
            "role", gettext("A role is one of {values}.").format(values=", ".join(Membership.Role.values))
        )
    kind = "group" if group else "user"
    with members_audited(collection):
        _give(collection, kind, role, _holders(kind, {name}))


def member_remove(*, collection: Collection, member: int) -> None:
    """Take a role away, by its id; nothing happens where it is gone already."""
    with members_audited(collection):
        Membership.objects.filter(collection=collection, pk=member).delete()


def members_of(collection: Collection) -> dict[str, list[str]]:
    """Return the names by role, in order: users under `reader` and so on, groups under `reader_group`."""
    names: dict[str, list[str]] = {holder: [] for holder in HOLDERS}
    for member in members_listed(collection):
        names[f"{member.role}_group" if member.group else member.role].append(member.name)
    return names


def members_listed(collection: Collection) -> list[Any]:
    """Return the roles of a collection with the `name` of each holder: people first, then groups, in order."""
    rows: Any = Membership.objects.filter(collection=collection).select_related("user", "group")
    found = list(rows.order_by(F("user__username").asc(nulls_last=True), "group__name"))
    for member in found:
        member.name = member.group.name if member.group else member.user.get_username()
    return found


def _give(collection: Collection, kind: str, role: str, holders: list[int]) -> None:
    Membership.objects.bulk_create(
        [Membership(collection=collection, role=role, **{f"{kind}_id": holder}) for holder in holders],
        update_conflicts=True,
        unique_fields=["collection", kind],
        update_fields=["role"],
    )


def _difference(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, Any]:
    """Return who came to which role and who left it, as `reader_added`, `reader_group_removed` and so on."""
    found = {}
    for role in before:
        found[f"{role}_added"] = sorted({*after[role]} - {*before[role]})
        found[f"{role}_removed"] = sorted({*before[role]} - {*after[role]})
    return {name: people for name, people in found.items() if people}


def _ids(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the ids of the people whom changes name, as `people`: erasing one finds former names, too."""
    names = {name for role, told in changes.items() if "_group_" not in role for name in told}
    found = get_user_model()._default_manager.filter(username__in=names).values_list("username", "pk")
    return {"people": dict(sorted(found))} if names else {}


def _holders(kind: str, names: set[str]) -> list[int]:
    """Return the ids of users or of groups."""
    rows: QuerySet[Model] = (
        Group.objects.all() if kind == "group" else get_user_model()._default_manager.all()
    )
    column = "name" if kind == "group" else "username"
    found = dict(rows.filter(**{f"{column}__in": names}).values_list(column, "pk"))
    missing = sorted(names - found.keys())
    if missing and kind == "group":
        raise AppError("group.not_found", groups=missing)
    if missing:
        raise AppError("user.not_found", users=missing)
    return list(found.values())
