"""Kept searches: whose they are, and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from retrieval_site.errors import AppError
from search.models import Query
from workers.encoding.client import upload_forget
from workers.storage.sweeping import blob_remove_unused

if TYPE_CHECKING:
    import uuid

    from search.querysets import Viewer


def is_owner(query: Query, viewer: Viewer, session: str) -> bool:
    """Return whether this person asked: the same user, or, where nobody signed in, the same browser session."""
    if viewer is not None and viewer.is_authenticated:
        return bool(query.user_id == viewer.pk)
    return query.user_id is None and bool(session) and query.session == session


def own_query(query_id: uuid.UUID, viewer: Viewer, session: str) -> Query:
    """Return a kept search to its owner or a superuser; raises AppError `query.not_found`, `permission.denied`."""
    query: Query | None = Query.objects.filter(pk=query_id).first()
    if query is None:
        raise AppError("query.not_found")
    if not is_owner(query, viewer, session) and not getattr(viewer, "is_superuser", False):
        raise AppError("permission.denied/search")
    return query


def query_delete(*, query_id: uuid.UUID, viewer: Viewer, session: str) -> None:
    """Delete a search with its photo, vector and answer, and everybody's judgements of it.

    A judgement without what was asked says nothing. The photo's file goes unless something else is the same file.
    Raises what `own_query` raises.
    """
    query = own_query(query_id, viewer, session)
    photos = [(part.preview_id, part.digest) for part in query.asked if part.preview_id]
    with transaction.atomic():
        query.delete()
        for preview, _ in photos:
            blob_remove_unused(preview)
    for _, digest in photos:
        upload_forget(digest)
