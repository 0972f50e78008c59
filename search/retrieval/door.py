"""The two ways in: to search anew, and to read what was kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings

from retrieval_site.clock import Clock
from retrieval_site.database.reading import read
from retrieval_site.errors import AppError
from search.retrieval import keep
from search.retrieval.asking import PreparedSearch, prepare, prepared
from search.retrieval.cursor import Cursor, cursor_read, cursor_write
from search.retrieval.encode import Known
from search.retrieval.interleaving import interleaving_start
from search.retrieval.pages import kept_query, read_page
from search.retrieval.runner import Asked, run
from search.retrieval.scope import scope_for
from search.retrieval.sort import RELEVANCE
from search.retrieval.told import match_told, tells_all, warnings_told
from search.retrieval.types import LIMIT_DEFAULT, LIMIT_MAX, AnswerReader, DocumentPart, SearchAnswer
from search.vectors.sharded.layout import parts_held

if TYPE_CHECKING:
    import uuid

    from models_admin.models import ModelVersion
    from search.models import Query
    from search.querysets import Viewer
    from search.retrieval.interleaving import Interleaving
    from search.retrieval.present import Page
    from search.retrieval.types import EncodedQuery, Scope, SearchRequest


def search(request: SearchRequest) -> SearchAnswer:
    """Search, keep the query, and return the first page; with a cursor, the page of the earlier query there.

    Raises AppError: of the query's parts (`query.parts`, `image.*`, `text.*`, `embedding.*`, `document.*`), of where
    to look (`collection.not_found`, `target.not_supported`, `model.*`), and `encoder.unavailable`.
    """
    _check_limit(request.limit)
    if request.cursor is not None:
        place = cursor_read(request.cursor, request.viewer)
        return reopen(place.query_id, request.viewer, request.limit, request.cursor, session=request.session)
    clock = Clock()
    preview_px = request.preview_px if settings.CONFIG.keep_queries else 0
    with parts_held():
        ready = prepare(request, preview_px, lambda version: _scope(request, version))
        return _searched(ready, clock, interleaving_start(ready, lambda version: _scope(request, version)))


def search_encoded(encoded: EncodedQuery, request: SearchRequest) -> SearchAnswer:
    """Search with a query that was encoded, its words as they are, and not among what marks led away from.

    Raises AppError of where to look and of the mode.
    """
    clock = Clock()
    scope = read(lambda: _scope(request, encoded.version))
    away = encoded.moved.marks.not_relevant if encoded.moved else ()
    scope = replace(scope, excluded=scope.excluded.union(away))
    return _searched(prepared(request, Known(encoded), scope), clock)


def _searched(ready: PreparedSearch, clock: Clock, other: Interleaving | None = None) -> SearchAnswer:
    request = ready.request
    most = max(keep.KEPT_FIRST, request.limit)
    wanted = request.limit if request.sort == RELEVANCE else most
    asked = Asked(
        ready.encoding,
        ready.scope,
        wanted,
        most,
        clock,
        ready.retrievers,
        (*request.notes, *ready.warnings),
        request.min_relevance,
        other,
    )
    found = run(asked, request)
    reader, page = AnswerReader(request.viewer, request.session), found.page
    if found.is_kept and len(page.hits) < request.limit and found.query.plan["more"]:
        # Collapsed ones leave room.
        page = read_page(found.query, Cursor(found.query.pk), request.limit, reader)
    answer = _answer(found.query, page, reader, found.query.timings_ms)
    return answer if found.is_kept else replace(answer, query_id=None, next=None, unkept=found.query)


def _scope(request: SearchRequest, version: ModelVersion) -> Scope:
    """Return where to look, while the query is being encoded: not among the documents that it asks with."""
    scope = scope_for(version, request.viewer, request.target, request.collections, request.filters)
    asked_with = (part.document_id for part in request.parts if isinstance(part, DocumentPart))
    modality = request.parts[0].modality if len(request.parts) == 1 else ""
    return replace(scope, excluded=frozenset(asked_with), asked_with=modality)


def reopen(  # noqa: PLR0913  (what is read, and by whom; its callers name them)
    query_id: uuid.UUID,
    viewer: Viewer,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
    *,
    session: str = "",
    apart: bool = False,
) -> SearchAnswer:
    """Return a page of a kept answer, of which the viewer sees what may be seen now; nothing is encoded.

    `session` names a viewer without an account. With `apart`, near-duplicates that were collapsed stand by themselves.

    Raises AppError `query.not_found`, `cursor.invalid`.
    """
    _check_limit(limit)
    clock = Clock()
    place = Cursor(query_id) if cursor is None else cursor_read(cursor, viewer)
    if place.query_id != query_id:
        raise AppError("cursor.invalid/other_search")
    query = kept_query(query_id)
    reader = AnswerReader(viewer, session)
    page = read_page(query, place, limit, reader, apart=apart)
    clock.lap("fetch")
    return _answer(query, page, reader, clock.with_total())


def _answer(query: Query, page: Page, reader: AnswerReader, timings_ms: dict[str, float]) -> SearchAnswer:
    return SearchAnswer(
        query_id=query.pk,
        modality=keep.modality_of(query),
        model=query.version.key if query.version else "",
        hits=page.hits,
        next=None if page.next is None else cursor_write(page.next, reader.viewer),
        plan=keep.plan_of(query),
        timings_ms=timings_ms,
        counted=tells_all(query, reader),
        warnings=read(lambda: warnings_told(query, reader)),
        parts=keep.parts_of(query),
        match=read(lambda: match_told(query, reader)),
        marks=keep.marks_of(query),
        text_read=next((part.text_read for part in query.asked if part.text_read is not None), None),
    )


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= LIMIT_MAX:
        raise AppError.of_parameter("limit", f"The limit must be from 1 to {LIMIT_MAX} documents.")
