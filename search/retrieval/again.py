"""The same query with other filters, in another order, or moved by marks: its vectors are kept, so nothing is encoded
again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from django.utils.translation import gettext_noop

from models_admin.models import VersionState
from retrieval_site.database.reading import read
from retrieval_site.errors import AppError
from search.retrieval import keep
from search.retrieval.door import search_encoded
from search.retrieval.rocchio import moved_by_grades
from search.retrieval.scope import table_for, visible_slugs
from search.retrieval.told import warnings_told
from search.retrieval.types import AnswerReader, SearchRequest
from search.vectors.sharded.searching import reading_shards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.models import Query
    from search.querysets import Viewer
    from search.retrieval.types import EncodedQuery, Mode, SearchAnswer, SearchWarning

_OF_THE_QUERY = ("text.", "image.", "encoder.")
"""Warnings of how the query was read, which hold for whatever it is asked."""
NO_LEAST_RELEVANCE: SearchWarning = {
    "id": "marks.min_relevance",
    "message": gettext_noop(  # kept with the search, which others may read in their language
        "Nothing is left out for a low relevance: where marks move a search, no relevance is known."
    ),
    "detail": {},
}


def search_again(query: Query, request: SearchRequest) -> SearchAnswer:
    """Ask an earlier query with the request's scope and order; what it asks with, and how, is the query's own.

    Raises AppError `query.not_repeatable` where its vectors are gone or its version answers no more, and of where to
    look as `search` does.
    """
    return _search_as(query, _encoded(query, request), request)


def _search_as(query: Query, encoded: EncodedQuery, request: SearchRequest) -> SearchAnswer:
    unknown = bool(encoded.moved) and query.min_relevance is not None
    again = replace(
        request,
        parts=keep.parts_of(query),
        mode=_mode(query, encoded),
        collapse=bool(query.plan.get("collapsed")),
        min_relevance=None if unknown else query.min_relevance,
        notes=(*request.notes, NO_LEAST_RELEVANCE) if unknown else request.notes,
    )
    return search_encoded(encoded, again)


def search_by_marks(query: Query, request: SearchRequest, grades: Mapping[int, int]) -> SearchAnswer:
    """Ask an earlier query again, moved by grades (0 to 3) that its answer's documents were given (rocchio.py).

    A query that marks moved already is moved anew from where it began. Raises AppError as `search_again`,
    `marks.none`, `marks.order_similarity`.
    """
    encoded = replace(_encoded(query, request), moved=None)
    table = read(lambda: table_for(encoded.version, request.target))
    moved = read(lambda: reading_shards(table, lambda: moved_by_grades(query, encoded, table, grades)))
    return _search_as(query, moved, request)


def same_again(query: Query, viewer: Viewer, session: str, limit: int) -> SearchRequest:
    """Return the request that asks a search for the same once more; what it asks with is added where it is asked.

    Whoever was led to it may see fewer collections than its asker: it looks in those of them, and names no other.
    Raises AppError `collection.not_found` where there are none.
    """
    collections = visible_slugs(viewer, query.collections)
    if query.collections and not collections:
        raise AppError("collection.not_found")
    return SearchRequest(
        viewer,
        session=session,
        collections=collections,
        filters=query.filters,
        sort=query.sort,
        target=query.target,
        limit=limit,
    )


def _mode(query: Query, encoded: EncodedQuery) -> Mode:
    """Return how the query is asked again: its words alone cannot be moved, so vectors help them."""
    return "hybrid" if encoded.moved and query.mode == "lexical" else cast("Mode", query.mode)


def _encoded(query: Query, request: SearchRequest) -> EncodedQuery:
    encoded = keep.encoded_of(query)
    if encoded is None or encoded.version.state != VersionState.READY:
        raise AppError("query.not_repeatable")
    told = read(lambda: warnings_told(query, AnswerReader(request.viewer, request.session)))
    warnings = tuple(one for one in told if one["id"].startswith(_OF_THE_QUERY))
    return replace(encoded, warnings=warnings)
