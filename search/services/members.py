"""Who may see and who may curate a collection."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import transaction

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from search.models import Membership

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from search.models import Collection


@contextmanager
def members_audited(collection: Collection) -> Iterator[None]:
    """Note in the audit log who came to a collection and who left it meanwhile; in a transaction with that."""
    with transaction.atomic():
        before = members_of(collection)
        yield
        after = members_of(collection)
        if changes := _difference(before, after):
            audit_note("members.changed", collection, collection=collection.pk, **changes)


def members_replace(*, collection: Collection, role: str, usernames: Iterable[str]) -> None:
    """Give exactly these users this role; who had the other role and is named here changes over.

    Raises AppError `user.not_found` naming those that do not exist, and then changes nothing.
    """
    with members_audited(collection):
        users = _users(set(usernames))
        Membership.objects.filter(collection=collection, role=role).exclude(user__in=users).delete()
        Membership.objects.bulk_create(
            [Membership(collection=collection, user_id=user, role=role) for user in users],
            update_conflicts=True,
            unique_fields=["collection", "user"],
            update_fields=["role"],
        )


def _difference(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, Any]:
    """Return who came to which role and who left it, as `reader_added`, `reader_removed` and so on."""
    found = {}
    for role in Membership.Role.values:
        found[f"{role}_added"] = sorted({*after[role]} - {*before[role]})
        found[f"{role}_removed"] = sorted({*before[role]} - {*after[role]})
    return {name: people for name, people in found.items() if people}


def members_of(collection: Collection) -> dict[str, list[str]]:
    """Return the usernames by role, in order."""
    names: dict[str, list[str]] = {role: [] for role in Membership.Role.values}
    rows = Membership.objects.filter(collection=collection).order_by("user__username")
    for role, name in rows.values_list("role", "user__username"):
        names[role].append(name)
    return names


def _users(usernames: set[str]) -> list[int]:
    rows = get_user_model().objects.filter(username__in=usernames).values_list("username", "pk")
    found = dict(rows)
    if missing := sorted(usernames - found.keys()):
        raise AppError("user.not_found", users=missing)
    return list(found.values())
