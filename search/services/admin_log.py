"""Taking a person out of the log that the admin's own pages keep, which names rows as they were called then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from search.models import ApiToken, Collection, Membership

if TYPE_CHECKING:
    from retrieval_site.accounts.models import User

ERASED = "(erased)"


def admin_log_erase(person: User) -> None:
    """Delete the entries about the person, and take the name out of those about their tokens and roles.

    Tokens and roles are called without their person since; older entries are not.
    """
    LogEntry.objects.filter(content_type=_of(type(person)), object_id=str(person.pk)).delete()
    name = person.get_username()
    tokens = [str(pk) for pk in ApiToken.objects.filter(user=person.pk).values_list("pk", flat=True)]
    about = LogEntry.objects.filter(content_type=_of(ApiToken))
    for entries in (about.filter(object_id__in=tokens), about.filter(object_repr__endswith=f" of {name}")):
        entries.update(object_repr=ERASED)
    roles = tuple(f"{name} {role} of " for role in Membership.Role.values)
    for entry in LogEntry.objects.filter(content_type=_of(Collection), change_message__contains=name):
        entry.change_message = _without(entry.change_message, roles)
        entry.save(update_fields=["change_message"])


def _of(model: type[User | ApiToken | Collection]) -> ContentType:
    return ContentType.objects.get_for_model(model)


def _without(message: str, beginnings: tuple[str, ...]) -> str:
    """Return a message of the admin with the names of rows that begin so left out."""
    try:
        told = json.loads(message)
    except json.JSONDecodeError:  # a sentence, which names no rows
        return message
    for one in told:
        for what in one.values():
            if what.get("object", "").startswith(beginnings):
                what["object"] = ERASED
    return json.dumps(told)
