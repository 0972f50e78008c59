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

if TYPE_CHECKING:
    from search.models import Query
    from search.retrieval.types import EncodedQuery, Mode


def finds_as_asked(query: Query, encoded: EncodedQuery) -> list[int] | None:
    """Return the documents that its asker would have been shown by the encoded query's version, best first.

    None where they may not look there any more.
    """
    parts, mode = parts_of(query), cast("Mode", query.mode)
    try:
        scope = scope_for(encoded.version, query.user, query.target, query.collections, query.filters)
    except AppError:
        return None
    retrievers = retrievers_for(mode_for(mode, parts), text_of(parts), asked_words(mode, parts, scope))
    scope = replace(scope, excluded=documents_left_out(query))
    asked = Asked(Known(encoded), scope, DEEP, DEEP, retrievers=retrievers, min_relevance=query.min_relevance)
    ranking = run(asked)
    if query.plan.get("collapsed"):
        ranking = collapse(ranking, scope.table)
    return [document.document_id for document in ranking.documents if document.same_as is None]
