"""What people say of hits: one grade per query, document and rater, undoable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from retrieval_site.errors import AppError
from retrieval_site.people import is_guest
from search.models import Collection, Document, Judgement, JudgingPair, Query
from search.services.queries import is_owner

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet

    from search.querysets import Viewer

GRADES = (0, 1, 2, 3)
NOT_RELEVANT, RELATED, RELEVANT = 0, 1, 2
COMMENT_MAX = 2000


@dataclass(frozen=True)
class Rater:
    """Who judges: a signed-in user, else an anonymous person's session. Exactly one of the two is set."""

    user_id: Any
    session: str


def rater_of(viewer: Viewer, session: str) -> Rater:
    """Return the rater; raises AppError `auth.required` where there is neither user nor session."""
    if viewer is not None and viewer.is_authenticated:
        return Rater(viewer.pk, "")
    if not session:
        raise AppError("auth.required/judge")
    return Rater(None, session)


@transaction.atomic
def judgement_set(  # noqa: PLR0913  (keyword-only; pages, API and tests call it by these names)
    *,
    query_id: uuid.UUID | str,
    document_id: int,
    viewer: Viewer,
    session: str,
    grade: int,
    comment: str | None = None,
) -> Judgement:
    """Keep the rater's grade (0 to 3) of a document for a query, in place of an earlier one.

    What marks moved is judged for the search on which they stand: it is the same question. `comment` None keeps an
    earlier comment. Raises AppError `query.not_found`, `document.not_found` (for one that the rater may not see, and in
    somebody else's query for one that is not in the answer), `parameter.invalid`, `auth.required`.
    """
    rater = rater_of(viewer, session)
    _check_values(grade, comment or "")
    query = _query(
        query_id, Query.objects.select_for_update(no_key=True)
    )  # it is not ended by its age meanwhile
    _check_judgeable(query, document_id, viewer, session)
    judgement = Judgement(
        query_id=query.judged_id, document_id=document_id, user_id=rater.user_id, session=rater.session, grade=grade,
        comment=comment or "", updated_at=timezone.now(),
    )  # fmt: skip
    kept = ["grade", "updated_at"] if comment is None else ["grade", "comment", "updated_at"]
    Judgement.objects.bulk_create(
        [judgement],
        update_conflicts=True,  # one statement: two clicks at once leave one row, not an error
        unique_fields=["query", "document", "user", "session"],
        update_fields=kept,
    )
    mine = own_judgements(viewer, session)
    kept_row: Judgement = mine.get(query=query.judged_id, document_id=document_id)
    kept_row.is_new = kept_row.created_at == judgement.created_at
    return kept_row


def judgement_clear(*, query_id: uuid.UUID | str, document_id: int, viewer: Viewer, session: str) -> bool:
    """Undo the rater's judgement; return whether there was one. Raises AppError `auth.required`."""
    rater = rater_of(viewer, session)
    mine = Judgement.objects.filter(
        query=_query(query_id).judged_id,
        document_id=document_id,
        user_id=rater.user_id,
        session=rater.session,
    )
    return bool(mine.delete()[0])


def own_judgements(viewer: Viewer, session: str) -> Any:
    """Return the rater's judgements of documents that they may still see, with document and collection."""
    rater = rater_of(viewer, session)
    rows = Judgement.objects.filter(user_id=rater.user_id, session=rater.session)
    return rows.filter(document__in=Document.objects.visible_to(viewer)).select_related(
        "document__collection"
    )


def judgements_of(query: Query, viewer: Viewer, session: str) -> dict[int, Judgement]:
    """Return the rater's judgements of one query by document id; empty for somebody without a session."""
    if not session and (viewer is None or not viewer.is_authenticated):
        return {}
    return {row.document_id: row for row in own_judgements(viewer, session).filter(query=query.judged_id)}


def grades_of(query: Query, viewer: Viewer, session: str) -> dict[int, int]:
    """Return the rater's grades of one query by document id; raises AppError `marks.none` where there are none."""
    grades = {
        document: judgement.grade for document, judgement in judgements_of(query, viewer, session).items()
    }
    if not grades:
        raise AppError("marks.none")
    return grades


def _check_values(grade: int, comment: str) -> None:
    if isinstance(grade, bool) or grade not in GRADES:
        raise AppError.of_parameter("grade", gettext("Send 0, 1, 2 or 3."))
    if "\0" in comment:
        raise AppError.of_parameter("comment", gettext("A comment has no NUL characters."))
    if len(comment) > COMMENT_MAX:
        raise AppError.of_parameter(
            "comment",
            gettext("A comment has at most {comment_max} characters.").format(comment_max=COMMENT_MAX),
        )


def _query(query_id: uuid.UUID | str, queries: QuerySet[Query] | None = None) -> Query:
    rows = Query.objects.all() if queries is None else queries
    try:
        return rows.only("id", "answer", "user", "session", "marked").get(pk=query_id)
    except (Query.DoesNotExist, ValidationError) as failure:
        raise AppError("query.not_found") from failure


def _check_judgeable(query: Query, document_id: int, viewer: Viewer, session: str) -> None:
    """Whoever asked may judge all that they may see: what the search missed counts, too. Others judge its answer.

    So may those who judge a queue in which the pair stands.
    """
    answered = any(hit["document"] == document_id for hit in query.answer)
    judgeable = answered or is_owner(query, viewer, session) or _is_queued(query, document_id, viewer)
    if not judgeable or not Document.objects.visible_to(viewer).filter(pk=document_id).exists():
        raise AppError("document.not_found")
    if is_guest(viewer) and not Document.objects.judgeable_by(viewer).filter(pk=document_id).exists():
        raise AppError("permission.denied/guest")


def _is_queued(query: Query, document_id: int, viewer: Viewer) -> bool:
    queued = JudgingPair.objects.filter(query=query, document=document_id)
    return bool(queued.filter(queue__collection__in=Collection.objects.judged_for(viewer)).exists())
