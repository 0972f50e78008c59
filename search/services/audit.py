"""The audit log: keeping notes, ending them by their age, and writing them out."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from retrieval_site.audit import audit_note
from retrieval_site.database.jsonpath import path_exists
from retrieval_site.tracing import current_request
from search.models import AuditEntry, Membership
from search.models.audit import SEARCHED
from search.spreadsheets import csv_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.db.models import QuerySet

    from retrieval_site.audit import AuditNote

COLUMNS = (
    "id", "at", "action", "actor_id", "actor", "via", "token", "target_type", "target_id", "target_name",
    "collection_id", "detail", "request_id",
)  # fmt: skip
CHUNK_ROWS = 500
BATCH_ROWS = 5_000
ERASED = "(erased)"
PEOPLE_IN_DETAIL = [f"{role}_{how}" for role in Membership.Role.values for how in ("added", "removed")]
"""Where the details of an entry name people."""


def audit_keep(note: AuditNote) -> None:
    """Write a note down."""
    user = note.actor.user
    AuditEntry.objects.create(
        action=note.action,
        actor_id=user.pk if user else None,
        actor=user.get_username() if user else "",
        via=note.actor.via,
        token=note.actor.token,
        target_type=note.target_type,
        target_id=note.target_id,
        target_name=note.target_name,
        collection_id=note.collection_id,
        detail=note.detail,
        request_id=current_request(),
    )


@contextmanager
def _maintained() -> Iterator[None]:
    """Let rows of the log be changed, in this transaction and nowhere else."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('sightline.audit', 'maintained', true)")
        yield
        cursor.execute("SELECT set_config('sightline.audit', '', true)")


def audit_to_end() -> QuerySet[AuditEntry]:
    """Return the entries that have had their time."""
    days = settings.CONFIG.audit_keep_days
    return (
        AuditEntry.objects.filter(at__lt=Now() - timedelta(days=days)) if days else AuditEntry.objects.none()
    )


def audit_end() -> int:
    """Remove the entries that have had their time, a batch at a time, and note how many; return that."""
    removed = 0
    while True:
        with _maintained():
            chosen = list(audit_to_end().order_by("pk").values_list("pk", flat=True)[:BATCH_ROWS])
            removed += AuditEntry.objects.filter(pk__in=chosen).delete()[0]
        if len(chosen) < BATCH_ROWS:
            break
    if removed:
        audit_note("audit.ended", removed=removed)
    return removed


def audit_erase_person(*, user_id: int, username: str, email: str = "") -> int:
    """Take a person's names and addresses out of the log; what was done, and when, stays. Return how many entries.

    Former names and addresses go as well, where an entry has the person's id or that of the invitation that they took.
    """
    with _maintained():
        done = AuditEntry.objects.filter(actor_id=user_id).update(actor=ERASED, actor_id=None, token="")
        done += _targets_of(user_id, email).update(target_name=ERASED)
        for entry in _details_of(user_id, username):
            _erase_in(entry.detail, user_id, username)
            entry.save(update_fields=["detail"])
            done += 1
    return done


def _targets_of(user_id: int, email: str) -> QuerySet[AuditEntry]:
    """Return the entries whose target's name is one of the person's, of their tokens or of their invitations."""
    of_user = Q(target_type="user", target_id=str(user_id))
    taken = AuditEntry.objects.filter(of_user, detail__has_key="invitation")
    invitations = [str(pk) for pk in taken.values_list("detail__invitation", flat=True)]
    of_invitations = Q(target_type="invitation", target_id__in=invitations)
    if email:
        of_invitations |= Q(target_type="invitation", target_name__iexact=email)
    return AuditEntry.objects.filter(
        of_user | of_invitations | Q(action__startswith="token.", detail__user=user_id)
    )


def _details_of(user_id: int, username: str) -> QuerySet[AuditEntry]:
    """Return the entries whose details name a person, by whatever name."""
    by_id = Q(path_exists("detail", f"$.people.* ? (@ == {user_id})"))
    by_name = (Q(**{f"detail__{role}__contains": [username]}) for role in PEOPLE_IN_DETAIL)
    return AuditEntry.objects.filter(reduce(or_, by_name, by_id))


def _erase_in(detail: dict[str, Any], user_id: int, username: str) -> None:
    """Take a person's names out of an entry's details: those with the id, and the present one where it has no id."""
    ids = detail.get("people", {})
    own = {name for name, known in ids.items() if known == user_id}
    if username not in ids:
        own.add(username)
    for role in PEOPLE_IN_DETAIL:
        if own & {*detail.get(role, ())}:
            detail[role] = [*(one for one in detail[role] if one not in own), ERASED]
    if ids:
        detail["people"] = {name: known for name, known in ids.items() if name not in own}


def audit_entries(wanted: Mapping[str, Any]) -> QuerySet[AuditEntry]:
    """Return the entries with these values of columns; `since`, `until` and `q` are times and a part of a name."""
    columns = {name: value for name, value in wanted.items() if name not in ("since", "until", "q")}
    rows = AuditEntry.objects.filter(**columns)
    if "since" in wanted:
        rows = rows.filter(at__gte=wanted["since"])
    if "until" in wanted:
        rows = rows.filter(at__lt=wanted["until"])
    if "q" in wanted:
        parts = (Q(**{f"{name}__icontains": wanted["q"]}) for name in SEARCHED)
        rows = rows.filter(reduce(or_, parts))
    return rows


def audit_csv_lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Yield a header and a line for each entry, newest last; safe to open in a spreadsheet; constant memory."""
    yield csv_line(COLUMNS)
    for row in _rows(entries):
        yield csv_line([*row.values()])


def audit_json_lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Yield a JSON object for each entry, newest last; constant memory."""
    for row in _rows(entries, as_json=True):
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _rows(entries: QuerySet[AuditEntry], *, as_json: bool = False) -> Iterator[dict[str, Any]]:
    for entry in entries.order_by("pk").iterator(chunk_size=CHUNK_ROWS):
        row = {name: getattr(entry, name) for name in COLUMNS} | {"at": entry.at.isoformat()}
        yield row if as_json else row | {"detail": json.dumps(entry.detail, ensure_ascii=False)}
