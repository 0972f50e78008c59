"""Asking a kept search again as it was asked: by its mode's retrievers, near-duplicates collapsed where they were."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from retrieval_site.errors import AppError
from search.judged.asking import DEEP
from search.retrieval.asking import asked_words
from search.retrieval.collapse import collapse
from search.retrieval.encode import Known
from search.retrieval.keep import documents_left_out, parts_of
from search.retrieval.modes import mode_for, retrievers_for, text_of
from search.retrieval.runner import Asked, run
from search.retrieval.scope import scope_for
from search.retrieval.sort import sort_ranking
from search.vectors.sharded.searching import is_of_shards

if TYPE_CHECKING:
    from search.models import Query
    from search.retrieval.types import EncodedQuery, Mode


def finds_as_asked(query: Query, encoded: EncodedQuery, *, weak: bool = True) -> list[int] | None:
    """Return the documents that its asker would have been shown by the encoded query's version, in their order.

    Without `weak`, those that a page of hits would fold away are left out. None where they may not look there any
    more, or nobody can say how relevant a document is, which they asked for. Raises AppError `shards.part_missing`
    where a server of vectors is away.
    """
    parts, mode = parts_of(query), cast("Mode", query.mode)
    try:
        scope = scope_for(encoded.version, query.user, query.target, query.collections, query.filters)
        retrievers = retrievers_for(mode_for(mode, parts), text_of(parts), asked_words(mode, parts, scope))
        scope = replace(scope, excluded=documents_left_out(query), asked_with=query.modality)
        asked = Asked(
            Known(encoded), scope, DEEP, DEEP, retrievers=retrievers, min_relevance=query.min_relevance
        )
        ranking = run(asked)
    except AppError as error:
        if is_of_shards(error):
            raise
        return None
    if query.plan.get("collapsed"):
        ranking = collapse(ranking, scope.table)
    shown = [one for one in sort_ranking(ranking, query.sort).documents if one.same_as is None]
    return [one.document_id for one in shown if weak or one.strength != "weak"]
