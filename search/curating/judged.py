"""Judgements of documents that are merged: the kept one gets them, and gives them back when the merge is taken back.

A judgement stands here as `[grade, comment, created_at, updated_at]` under `QUERY|USER|SESSION`: a rater judges a
document for a query once. Where several of the merged documents were judged for one query by one rater, the newest
counts, and of two at the same moment the higher grade.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from search.curating.keeping import rows_insert
from search.models import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Row = list[Any]
    Judgements = dict[str, Row | None]


def judgements_joined(keep: int, others: Iterable[int]) -> Judgements:
    """Return those judgements of the others that the kept document lacks or that are newer than its own."""
    own = _held([keep])
    found: Judgements = {}
    for key, row in _held(others).items():
        if key not in own or _rank(row) > _rank(own[key]):
            found[key] = row
    return found


def judgements_like(document: int, like: Mapping[str, Any]) -> Judgements:
    """Return the document's judgements under these keys, None where there is none."""
    held = _held([document]) if like else {}
    return {key: held.get(key) for key in like}


def judgements_replace(document: int, wanted: Mapping[str, Row | None]) -> None:
    """Make these the document's judgements under their keys; of raters and searches that are gone, none."""
    gone = [row.pk for row in Judgement.objects.filter(document=document) if _key(row) in wanted]
    Judgement.objects.filter(pk__in=gone).delete()
    rows_insert(Judgement, [_judgement(document, key, row) for key, row in wanted.items() if row])


def _held(documents: Iterable[int]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for one in Judgement.objects.filter(document__in=list(documents)).order_by("pk"):
        row = [one.grade, one.comment, one.created_at.isoformat(), one.updated_at.isoformat()]
        key = _key(one)
        if key not in found or _rank(row) > _rank(found[key]):
            found[key] = row
    return found


def _rank(row: Row) -> tuple[Any, int]:
    return datetime.fromisoformat(row[3]), row[0]


def _key(one: Judgement) -> str:
    return f"{one.query_id}|{one.user_id or ''}|{one.session}"


def _judgement(document: int, key: str, row: Row) -> Judgement:
    query, user, session = key.split("|", 2)
    grade, comment, created_at, updated_at = row
    return Judgement(
        query_id=UUID(query),
        document_id=document,
        user_id=int(user) if user else None,
        session=session,
        grade=grade,
        comment=comment,
        created_at=datetime.fromisoformat(created_at),
        updated_at=datetime.fromisoformat(updated_at),
    )
