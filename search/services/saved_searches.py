"""Searches that people keep by a name, and the searches that they made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext

from retrieval_site.errors import AppError
from retrieval_site.people import account_of
from search.models import Judgement, Query, QueryPart, SavedSearch
from search.services.alerts import findings_of
from search.services.queries import is_owner, queries_end

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet

    from search.querysets import Viewer

NAME_MAX = 120
SAVED_MAX = 200
"""Saved searches of one person."""
BATCH_QUERIES = 200


def searches_of(viewer: Viewer) -> QuerySet[Query]:
    """Return the searches that somebody with an account made, newest first, without their answers and vectors."""
    rows = Query.objects.filter(user_id=account_of(viewer), listed=True)
    return rows.defer("answer").order_by("-created_at")


def saved_searches_of(viewer: Viewer) -> QuerySet[SavedSearch]:
    """Return what somebody with an account has saved, newest first; their searches without answers and vectors.

    Each has as `new` how many documents were found for it that its person has not seen.
    """
    rows = SavedSearch.objects.filter(user_id=account_of(viewer)).select_related("query", "user")
    unseen = findings_of(viewer).filter(saved=OuterRef("pk"), seen_at=None).order_by().values("saved")
    count = Subquery(unseen.annotate(n=Count("pk")).values("n"))
    rows = rows.annotate(new=Coalesce(count, 0, output_field=IntegerField()))
    return rows.defer("query__answer")


def own_saved_search(saved_id: int, viewer: Viewer) -> SavedSearch:
    """Return one of somebody's own saved searches; raises AppError `saved_search.not_found`."""
    saved = saved_searches_of(viewer).filter(pk=saved_id).first()
    if saved is None:
        raise AppError("saved_search.not_found")
    return saved


@transaction.atomic
def saved_search_create(*, query_id: uuid.UUID, viewer: Viewer, name: str) -> tuple[SavedSearch, bool]:
    """Save one's own search by a name; return it and whether it is new: one that is saved already is renamed.

    Raises AppError `query.not_found`, `permission.denied` for somebody else's search, `saved_search.too_many`, and
    `parameter.invalid` for a name that cannot be kept.
    """
    member, name = account_of(viewer), _checked(name)
    # Locked, so that it is not ended by its age meanwhile.
    query = (
        Query.objects.select_for_update(no_key=True).only("pk", "user", "session").filter(pk=query_id).first()
    )
    if query is None:
        raise AppError("query.not_found")
    if not is_owner(query, viewer, ""):
        raise AppError("permission.denied/save")
    if SavedSearch.objects.filter(user_id=member).exclude(query=query).count() >= SAVED_MAX:
        raise AppError("saved_search.too_many", limit=SAVED_MAX)
    return SavedSearch.objects.update_or_create(query=query, defaults={"user_id": member, "name": name})


def saved_search_rename(*, saved: SavedSearch, name: str) -> None:
    """Give a saved search another name; raises AppError `parameter.invalid`."""
    saved.name = _checked(name)
    saved.save(update_fields=["name"])


def saved_search_delete(*, saved: SavedSearch) -> None:
    """Keep the search by its name no longer; the search itself stays until its age ends it."""
    saved.delete()


def history_clear(*, viewer: Viewer) -> int:
    """Delete all of one's own searches that are not saved, each as `query_delete` does; return how many."""
    removed = 0
    while chosen := list(_unsaved(viewer).values_list("pk", flat=True)[:BATCH_QUERIES]):
        removed += _delete(chosen)
    return removed


def history_judgements(viewer: Viewer) -> int:
    """Return how many judgements go with `history_clear`."""
    return Judgement.objects.filter(query__in=_unsaved(viewer)).count()


def history_count(viewer: Viewer) -> int:
    """Return how many searches go with `history_clear`."""
    return _unsaved(viewer).count()


def _unsaved(viewer: Viewer) -> QuerySet[Query]:
    """Return one's own searches that are not saved, and on whose marks no saved one stands."""
    rows = Query.objects.filter(user_id=account_of(viewer), listed=True, saved=None)
    return rows.exclude(moved__saved__isnull=False)


@transaction.atomic
def _delete(query_ids: list[Any]) -> int:
    """Delete searches with their photos' files, but for those that were saved meanwhile; return how many were tried."""
    locked = list(
        Query.objects.select_for_update(of=["self"]).filter(pk__in=query_ids).values_list("pk", flat=True)
    )
    chosen = Query.objects.filter(pk__in=locked, saved=None)
    derived = QueryPart.objects.filter(sent_with__in=chosen).exclude(
        query__saved__user__in=chosen.values("user")
    )
    queries_end(chosen, derived)
    return len(locked)


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > NAME_MAX or "\0" in name:
        raise AppError.of_parameter(
            "name", gettext("Write a name of 1 to {name_max} characters.").format(name_max=NAME_MAX)
        )
    return name
