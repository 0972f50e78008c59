"""A kept answer read again: the same for everybody but for what each may see now; deeper for the one who asked."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from django.db import DatabaseError, transaction

from retrieval_site.database.reading import read
from retrieval_site.errors import AppError
from search.models import Query
from search.retrieval import keep
from search.retrieval.asking import asked_words
from search.retrieval.collapse import collapse
from search.retrieval.cursor import Cursor
from search.retrieval.encode import Known
from search.retrieval.modes import mode_for, retrievers_for, text_of
from search.retrieval.present import present
from search.retrieval.runner import Asked, run
from search.retrieval.scope import scope_for, visible_collections
from search.retrieval.sort import sort_ranking
from search.vectors.sharded.searching import is_of_shards

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from search.querysets import Viewer
    from search.retrieval.present import Page
    from search.retrieval.retrieve import Retriever
    from search.retrieval.types import AnswerReader, Hit, Mode, Ranking, Scope

logger = logging.getLogger(__name__)
DEEPER_DOCUMENTS = 100
"""How many further documents are looked for when somebody reads on past the kept answer."""
EXPORTED_AT_ONCE = 50
"""Hits in memory while a whole answer is written out; each may bring a long body."""


def kept_query(query_id: uuid.UUID) -> Query:
    """Return a kept search; raises AppError `query.not_found`."""
    query: Query | None = Query.objects.select_related("version").filter(pk=query_id).first()
    if query is None:
        raise AppError("query.not_found")
    return query


def read_page(query: Query, place: Cursor, limit: int, reader: AnswerReader, *, apart: bool = False) -> Page:
    """Return the hits from a place on, as far as the reader may see them; deeper than was kept for who asked.

    With `apart`, near-duplicates stand by themselves.
    """
    ranking = keep.ranking_of(query)
    if not keep.asked_by(query, reader):
        ranking = replace(ranking, more=False)
    while True:
        page = read(partial(_present, ranking, place, limit, reader.viewer, apart=apart))
        if len(page.hits) >= limit or not ranking.more:
            return page
        ranking = _deeper(query, ranking, reader.viewer)


def _present(ranking: Ranking, place: Cursor, limit: int, viewer: Viewer, *, apart: bool) -> Page:
    return present(ranking, place, limit, visible_collections(viewer), apart=apart)


def whole_answer(query: Query, reader: AnswerReader) -> Ranking:
    """Return all of the kept answer.

    Where fewer than a whole first look's are kept, more are looked for once, for who asked.
    """
    ranking = keep.ranking_of(query)
    if ranking.more and len(ranking.documents) < keep.KEPT_FIRST and keep.asked_by(query, reader):
        ranking = _deeper(query, ranking, reader.viewer)
    return replace(ranking, more=False)


def hits_in(query: Query, ranking: Ranking, viewer: Viewer) -> Iterator[Hit]:
    """Yield all hits of an answer that the viewer may see, a page at a time, each read as pages are."""
    place: Cursor | None = Cursor(query.pk)
    while place is not None:
        page = read(partial(_present, ranking, place, EXPORTED_AT_ONCE, viewer, apart=True))
        yield from page.hits
        place = page.next


def _deeper(query: Query, ranking: Ranking, viewer: Viewer) -> Ranking:
    """Return the ranking with what is found behind it; without, as its end, where it cannot be kept."""
    try:
        return _deepen(query.pk, viewer)
    except DatabaseError:
        logger.exception("What was found behind a kept answer could not be kept.")
        return replace(ranking, more=False)


@transaction.atomic
def _deepen(query_id: uuid.UUID, viewer: Viewer) -> Ranking:
    """Look for documents behind the kept answer, keep them too, and return all.

    What was kept stays as it is, so earlier pages never change and no document comes twice. The row is locked, for
    two who read on at once must not both append. Raises AppError `shards.part_missing` where a server of vectors is
    away: what is kept is read again by others, and would lack its documents for good.
    """
    query = Query.objects.select_for_update(of=["self"]).select_related("version").get(pk=query_id)
    known = keep.ranking_of(query)
    encoded = keep.encoded_of(query)
    room = keep.KEPT_MAX - len(known.documents)
    if encoded is None or room <= 0:
        return replace(known, more=False)
    seen = frozenset(document.document_id for document in known.documents) | keep.documents_left_out(query)
    wanted = min(room, DEEPER_DOCUMENTS)
    try:
        scope = scope_for(encoded.version, viewer, query.target, query.collections, query.filters)
        further = replace(scope, excluded=seen, asked_with=query.modality)
        asked = Asked(Known(encoded), further, wanted, room, min_relevance=query.min_relevance)
        found = run(replace(asked, retrievers=_retrievers(query, scope)))
        if query.plan.get("collapsed"):
            found = collapse(found, scope.table, known)
        found = sort_ranking(found, query.sort)
    except AppError as error:
        if is_of_shards(error):
            raise
        # A collection or the vectors are gone or hidden now: what was kept is all there is.
        return replace(known, more=False)
    query.answer += keep.entries(found.documents, known.kind)
    query.plan["more"] = found.more
    query.save(update_fields=["answer", "plan"])
    return keep.ranking_of(query)


def _retrievers(query: Query, scope: Scope) -> tuple[Retriever, ...]:
    """Return the retrievers that the kept query was answered by, with its words."""
    mode, parts = cast("Mode", query.mode), keep.parts_of(query)
    return retrievers_for(mode_for(mode, parts), text_of(parts), asked_words(mode, parts, scope))
