"""Noting who did what: said where it is done, kept by whoever registered (search/services/audit.py).

A note is written in the transaction of what it tells, so both are there or neither is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from retrieval_site.acting import Actor, actor_now
from retrieval_site.languages.lazy import gettext_lazy

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model

ACTIONS: dict[str, str] = {
    "version.uploaded": gettext_lazy("a model was uploaded"),
    "version.activated": gettext_lazy("a model was activated"),
    "version.rolled_back": gettext_lazy("the model before was activated again"),
    "version.retired": gettext_lazy("a model was retired"),
    "version.set_aside": gettext_lazy("a model was set aside, since its process ended twice within a day"),
    "version.challenger_ended": gettext_lazy("a model is not the challenger any more"),
    "version.deleted": gettext_lazy("a model was deleted"),
    "collection.created": gettext_lazy("a collection was made"),
    "collection.changed": gettext_lazy("a collection was changed"),
    "collection.deleted": gettext_lazy("a collection was deleted"),
    "members.changed": gettext_lazy("the members of a collection were changed"),
    "guest_link.created": gettext_lazy("a guest link was made"),
    "guest_link.deleted": gettext_lazy("a guest link was taken back"),
    "invitation.created": gettext_lazy("somebody was invited"),
    "invitation.sent_again": gettext_lazy("an invitation was sent again"),
    "invitation.withdrawn": gettext_lazy("an invitation was withdrawn"),
    "invitation.accepted": gettext_lazy("an invitation was taken"),
    "documents.changed": gettext_lazy("documents were moved, deleted, restored or imported"),
    "token.created": gettext_lazy("an API token was made"),
    "token.deleted": gettext_lazy("an API token was deleted"),
    "user.created": gettext_lazy("a person was added"),
    "user.changed": gettext_lazy("a person was changed"),
    "user.deleted": gettext_lazy("a person was deleted"),
    "user.joined": gettext_lazy(
        "a person was found by their address, and joined with the provider's account"
    ),
    "user.groups_followed": gettext_lazy("a person's groups or rights changed with what the provider says"),
    "user.password_reset": gettext_lazy("a person set a new password by e-mail"),
    "user.password_changed": gettext_lazy("a person changed their password"),
    "second_factor.added": gettext_lazy("a second factor was set up"),
    "second_factor.removed": gettext_lazy("a second factor was taken away"),
    "second_factor.codes_made": gettext_lazy("new recovery codes were made"),
    "group.created": gettext_lazy("a group was added"),
    "group.changed": gettext_lazy("a group was changed"),
    "group.deleted": gettext_lazy("a group was deleted"),
    "person.exported": gettext_lazy("what is kept of a person was exported"),
    "person.erased": gettext_lazy("what is kept of a person was erased"),
    "export.made": gettext_lazy("something was exported"),
    "backup.made": gettext_lazy("a backup was made"),
    "backup.restored": gettext_lazy("the site was restored from a backup"),
    "blobs.moved": gettext_lazy("files were moved into a bucket or back into the folder"),
    "webhook.created": gettext_lazy("a webhook was made"),
    "webhook.changed": gettext_lazy("a webhook was changed"),
    "webhook.key_renewed": gettext_lazy("a webhook got a new signing key"),
    "webhook.deleted": gettext_lazy("a webhook was deleted"),
    "judgement.changed": gettext_lazy("a judgement was changed in the admin"),
    "judgement.deleted": gettext_lazy("a judgement was deleted in the admin"),
    "job.deleted": gettext_lazy("a job was deleted"),
    "announcement.created": gettext_lazy("an announcement was made"),
    "announcement.changed": gettext_lazy("an announcement was changed"),
    "announcement.deleted": gettext_lazy("an announcement was deleted"),
    "audit.ended": gettext_lazy("old entries of this log were removed"),
}
"""Every action and what it says."""


@dataclass(frozen=True)
class AuditNote:
    """One thing that was done: by whom, to what, and what else should be known; `detail` is plain JSON."""

    action: str
    actor: Actor
    target_type: str = ""
    target_id: str = ""
    target_name: str = ""
    collection_id: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


_keepers: list[Callable[[AuditNote], None]] = []


def audit_keeper_register(keep: Callable[[AuditNote], None]) -> None:
    """Have a function called with every note."""
    if keep not in _keepers:
        _keepers.append(keep)


def audit_note(
    action: str,
    target: Model | None = None,
    *,
    by: Any = None,
    collection: int | None = None,
    named: str = "",
    **detail: Any,
) -> None:
    """Note that an action of `ACTIONS` was done to `target`, by this person or by whoever acts now.

    `named`: what the target is called in the log, where its own name tells a person's. `detail` names people by their
    user names under `*_added` and `*_removed` alone, and has these names' ids as `people`: there erasing a person finds
    them, by former names too.
    """
    acting = actor_now()
    actor = acting if by is None else Actor(by, acting.via, acting.token)
    about = ("", "", "")
    if target is not None:
        about = (target._meta.model_name or "", str(target.pk), (named or str(target))[:300])
    note = AuditNote(action, actor, *about, collection_id=collection, detail=detail)
    for keep in _keepers:
        keep(note)


def export_note(file: str, target: Model | None = None, *, count: int, **detail: Any) -> None:
    """Note that a file of this name left, with `count` things in it, made of `target` where it is made of one row.

    Before it is sent: whoever breaks off has what was sent until then.
    """
    audit_note("export.made", target, file=file, count=count, **detail)
