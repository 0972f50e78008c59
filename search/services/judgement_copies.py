"""Copies of judgements: those of documents in the trash, and those that a merge moved, which its undoing needs.

They are JSON: rows as they were in `TrashedDocument.kept` (search/curating/keeping.py), and `[grade, comment,
created_at, updated_at]` under `QUERY|USER|SESSION` in `ChangedDocument.before` and `after` (search/curating/judged.py).
"""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from retrieval_site.database.jsonpath import path_exists
from search.models import ChangedDocument, ChangeSet, Judgement, JudgingSkip, TrashedDocument
from search.services.judgement_choices import DRAWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from django.db.models import QuerySet

    from search.services.judgement_choices import Chosen

BATCH_ROWS = 50
"""A document in the trash may hold megabytes."""
JUDGEMENT, SKIP = (model._meta.label_lower for model in (Judgement, JudgingSkip))
MOVES_JUDGEMENTS = (ChangeSet.Action.MERGE, ChangeSet.Action.UNDO)
COLUMNS = ("grade", "comment", "created_at", "updated_at")
"""What a change keeps of a judgement, in this order."""

Raters = MutableMapping[tuple[int | None, str], str]
"""The name of each rater from now on, by user id and session."""


def copies_rewrite(chosen: Chosen, raters: Raters | None) -> None:
    """Give the chosen copies their raters' new names and take their comments away; without names, remove them."""
    trashed = TrashedDocument.objects.filter(path_exists("kept", _of_model(JUDGEMENT)))
    _each(trashed, ["kept"], lambda row: _rewrite_trashed(row, chosen, raters))
    _each(_moving(), ["before", "after"], lambda row: _rewrite_change(row, chosen, raters))


def skips_forget(user_id: int) -> None:
    """Remove from the trash what a person left out in queues."""

    def forget(trashed: TrashedDocument) -> bool:
        kept = [row for row in trashed.kept if row["model"] != SKIP or row["fields"]["user"] != user_id]
        changed, trashed.kept = len(kept) < len(trashed.kept), kept
        return changed

    _each(TrashedDocument.objects.filter(path_exists("kept", _of_model(SKIP))), ["kept"], forget)


def copies_older_than(until: datetime) -> bool:
    """Return whether there are copies that `OlderThan(until)` may choose."""
    time = until.isoformat()
    somebodys = f'(@.user != null || (@.session != "" && !(@.session starts with "{DRAWN}")))'
    path = f'{_of_model(JUDGEMENT)}.fields ? (@.updated_at < "{time}" && {somebodys})'
    if TrashedDocument.objects.filter(path_exists("kept", path)).exists():
        return True
    nobodys = f'@.key like_regex "^[^|]*[|][|]({DRAWN}.*)?$"'
    path = f'$.judgements.keyvalue() ? (@.value[{COLUMNS.index("updated_at")}] < "{time}" && !({nobodys}))'
    return _moving().filter(Q(path_exists("before", path)) | Q(path_exists("after", path))).exists()


def copies_of(user_id: int) -> Iterator[dict[str, Any]]:
    """Yield the copies of a person's judgements, each with the id of its document."""
    trashed = TrashedDocument.objects.filter(path_exists("kept", _of_model(JUDGEMENT)))
    for one in trashed.order_by("pk").iterator(chunk_size=BATCH_ROWS):
        for row in one.kept:
            if row["model"] == JUDGEMENT and row["fields"]["user"] == user_id:
                yield {name: value for name, value in row["fields"].items() if name != "session"}
    for change in _moving().order_by("pk").iterator(chunk_size=BATCH_ROWS):
        for state in (change.before, change.after):
            for key, row in state.get("judgements", {}).items():
                query, user, _ = _rater_of(key)
                if row and user == user_id:
                    names = {"query": query, "document": change.document_id, "user": user}
                    yield names | dict(zip(COLUMNS, row, strict=True))


def _of_model(label: str) -> str:
    return f'$[*] ? (@.model == "{label}")'


def _moving() -> QuerySet[ChangedDocument]:
    """Return the changes that moved judgements."""
    changes = ChangedDocument.objects.filter(change_set__action__in=MOVES_JUDGEMENTS)
    return changes.filter(Q(before__has_key="judgements") | Q(after__has_key="judgements"))


def _each(rows: QuerySet[Any], columns: list[str], rewrite: Callable[[Any], bool]) -> None:
    """Rewrite each row under its lock, a batch at a time; one that `rewrite` leaves as it is is not written."""
    after = 0
    while True:
        with transaction.atomic():
            further = rows.filter(pk__gt=after).order_by("pk").select_for_update(of=["self"])
            found = list(further[:BATCH_ROWS])
            for row in found:
                if rewrite(row):
                    row.save(update_fields=columns)
        if len(found) < BATCH_ROWS:
            return
        after = found[-1].pk


def _rewrite_trashed(trashed: TrashedDocument, chosen: Chosen, raters: Raters | None) -> bool:
    mine = [row for row in trashed.kept if row["model"] == JUDGEMENT and _is_chosen(row["fields"], chosen)]
    if raters is None:
        trashed.kept = [row for row in trashed.kept if row not in mine]
        return bool(mine)
    for row in mine:
        fields = row["fields"]
        name = raters[fields["user"], fields["session"]]
        fields.update(user=None, session=name, comment="")
    return bool(mine)


def _is_chosen(fields: Mapping[str, Any], chosen: Chosen) -> bool:
    return chosen.has(fields["user"], fields["session"], datetime.fromisoformat(fields["updated_at"]))


def _rewrite_change(change: ChangedDocument, chosen: Chosen, raters: Raters | None) -> bool:
    """Rewrite a rater's judgement in both states at once, as old as the newer one: they belong to one key."""
    states = [state["judgements"] for state in (change.before, change.after) if "judgements" in state]
    changed = False
    for key in {key for state in states for key in state}:
        rows = [state[key] for state in states if state.get(key)]
        query, user, session = _rater_of(key)
        if not rows or not chosen.has(user, session, max(datetime.fromisoformat(row[3]) for row in rows)):
            continue
        changed = True
        for state in states:
            if key not in state:
                continue
            row = state.pop(key)
            if raters is not None:
                state[f"{query}||{raters[user, session]}"] = row and [row[0], "", *row[2:]]
    return changed


def _rater_of(key: str) -> tuple[str, int | None, str]:
    query, user, session = key.split("|", 2)
    return query, int(user) if user else None, session
