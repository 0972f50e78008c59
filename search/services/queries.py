"""Kept searches: whose they are, and deleting them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from retrieval_site.errors import AppError
from search.models import Query, QueryPart
from workers.encoding.client import upload_forget
from workers.storage.sweeping import blob_remove_unused

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet

    from search.querysets import Viewer


def is_owner(query: Query, viewer: Viewer, session: str) -> bool:
    """Return whether this person asked: the same user, or, where nobody signed in, the same browser session."""
    if viewer is not None and viewer.is_authenticated:
        return bool(query.user_id == viewer.pk)
    return query.user_id is None and bool(session) and query.session == session


def own_query(
    query_id: uuid.UUID, viewer: Viewer, session: str, queries: QuerySet[Query] | None = None
) -> Query:
    """Return a kept search to its owner or a superuser; raises AppError `query.not_found`, `permission.denied`."""
    rows = Query.objects.all() if queries is None else queries
    query: Query | None = rows.filter(pk=query_id).first()
    if query is None:
        raise AppError("query.not_found")
    if not is_owner(query, viewer, session) and not getattr(viewer, "is_superuser", False):
        raise AppError("permission.denied/search")
    return query


@transaction.atomic
def query_delete(*, query_id: uuid.UUID, viewer: Viewer, session: str) -> None:
    """Delete a search with its photo, vector and answer, and everybody's judgements of it.

    A judgement without what was asked says nothing. Searches that were made of this one, by whomever, lose its photo
    and vector, too. The photo's file goes unless something else is the same file. Raises what `own_query` raises.
    """
    # Locked, so that no search that is being made of it now keeps its photo.
    own_query(query_id, viewer, session, Query.objects.select_for_update())
    chosen = Query.objects.filter(pk=query_id)
    queries_end(chosen, QueryPart.objects.filter(sent_with__in=chosen))


def queries_end(queries: QuerySet[Query], derived: QuerySet[QueryPart]) -> None:
    """Delete these searches, and of derived parts, which asked with their photos and vectors again, just these.

    Inside a transaction in which the searches are locked.
    """
    gone = QueryPart.objects.filter(Q(query__in=queries) | Q(query__marked__in=queries)) | derived
    photos = set(gone.exclude(preview=None).values_list("preview", "digest"))
    Query.objects.filter(parts__in=derived).update(moved_vector=None)
    derived.update(preview=None, digest="", embedding=None, text_read=None)
    queries.only("pk").delete()
    for preview, _ in photos:
        blob_remove_unused(preview)
    for _, digest in photos:
        transaction.on_commit(partial(upload_forget, digest))
