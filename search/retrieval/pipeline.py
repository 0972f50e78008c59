"""The four steps in a row, timed, in one transaction; and reading a kept answer again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import transaction

from retrieval_site.clock import Clock
from retrieval_site.database.reading import alias, read
from retrieval_site.errors import AppError
from search.models import Query
from search.retrieval import keep
from search.retrieval.candidates import make_plan, set_plan
from search.retrieval.cursor import Cursor, cursor_read
from search.retrieval.encode import encode_start
from search.retrieval.looking import look
from search.retrieval.pages import as_text, deepen, may_have_more, read_page
from search.retrieval.scope import make_scope, table_for, visible_collections
from search.retrieval.types import LIMIT_DEFAULT, LIMIT_MAX, SearchAnswer

if TYPE_CHECKING:
    import uuid

    from models_admin.models import ModelVersion
    from search.querysets import Viewer
    from search.retrieval.encode import Encoding
    from search.retrieval.pages import Page
    from search.retrieval.types import EncodedQuery, Scope, SearchRequest


def search(request: SearchRequest) -> SearchAnswer:
    """Search, keep the query, and return the first page; with a cursor, the page of the earlier query there.

    Raises AppError: of the query's parts (`query.parts`, `image.*`, `text.*`, `embedding.*`, `document.*`), of where
    to look (`collection.not_found`, `target.not_supported`, `model.*`), and `encoder.unavailable`.
    """
    _check_limit(request.limit)
    if request.cursor is not None:
        place = cursor_read(request.cursor, request.viewer)
        return reopen(place.query_id, request.viewer, request.limit, request.cursor)
    clock = Clock()
    encoding = encode_start(request)
    query, encoded, page = read(lambda: _found(request, encoding, clock))
    query.timings_ms = _timings(encoded, clock)
    keep.query_save(query, encoding.preview())
    clock.lap("keep")
    return _answer(query, page, request.viewer, _timings(encoded, clock))


def _found(request: SearchRequest, encoding: Encoding, clock: Clock) -> tuple[Query, EncodedQuery, Page]:
    """Return the answer, not kept yet, with its first page: all that a search reads."""
    scope = _scope(request, encoding.version)
    plan = make_plan(encoding.version, scope, request.limit)
    with transaction.atomic(using=alias()):
        set_plan(plan)
        encoded = encoding.finish()
        clock.lap("wait")
        looked = look(request, encoded, scope, plan)
        clock.lap("search")
        query = keep.query_new(looked, encoded)
        page = read_page(query, Cursor(query.pk), request.limit, scope.collections, more=may_have_more(query))
        clock.lap("fetch")
    return query, encoded, page


def reopen(
    query_id: uuid.UUID, viewer: Viewer, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> SearchAnswer:
    """Return a page of a kept answer, of which the viewer sees what may be seen now; nothing is encoded.

    Raises AppError `query.not_found`, `cursor.invalid`.
    """
    _check_limit(limit)
    clock = Clock()
    place = Cursor(query_id) if cursor is None else cursor_read(cursor, viewer)
    if place.query_id != query_id:
        raise AppError("cursor.invalid/other_search")
    with transaction.atomic():
        query = _kept(query_id)
        more = may_have_more(query) and keep.asked_by(query, viewer)
        if more and place.passed + limit > len(query.answer):
            more = deepen(query_id, viewer)
            query = _kept(query_id)
    page = read(lambda: read_page(query, place, limit, visible_collections(viewer), more=more))
    clock.lap("fetch")
    return _answer(query, page, viewer, clock.with_total())


def _answer(query: Query, page: Page, viewer: Viewer, timings_ms: dict[str, float]) -> SearchAnswer:
    return SearchAnswer(
        query_id=query.pk,
        modality=keep.modality_of(query),
        model=query.version.key if query.version else "",
        hits=tuple(page.hits),
        next=as_text(page.next, viewer),
        plan=keep.plan_of(query),
        timings_ms=timings_ms,
        counted=keep.asked_by(query, viewer) or bool(getattr(viewer, "is_superuser", False)),
        warnings=tuple(query.warnings),
    )


def _kept(query_id: uuid.UUID) -> Query:
    query: Query | None = Query.objects.select_related("version").filter(pk=query_id).first()
    if query is None:
        raise AppError("query.not_found")
    return query


def _scope(request: SearchRequest, version: ModelVersion) -> Scope:
    """Look up where to search while the query is being encoded, and how much there is."""
    collections = visible_collections(request.viewer, request.collections)
    scope = make_scope(table_for(version, request.target), collections, request.filters)
    if request.document is not None:
        scope = replace(scope, excluded=frozenset([request.document]))
    return scope


def _timings(encoded: EncodedQuery, clock: Clock) -> dict[str, float]:
    """Return decode and encode as the worker measured them, `transport` for the rest of the wait, and our laps."""
    laps = clock.with_total()
    transport = laps.pop("wait") - sum(encoded.timings_ms.values())
    return encoded.timings_ms | {"transport": round(transport, 2)} | laps


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= LIMIT_MAX:
        raise AppError.of_parameter("limit", f"The limit must be from 1 to {LIMIT_MAX} documents.")
