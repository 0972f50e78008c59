"""Sort: the relevant documents, which the ranking holds, in another order than by relevance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from retrieval_site.database.reading import connection
from retrieval_site.errors import AppError
from search.filters.dates import DATES
from search.filters.values import is_metadata_field
from search.retrieval.leave_out import folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.retrieval.types import Ranking

RELEVANCE = "relevance"
TITLE = "title"
_COLUMNS = {**{name: name for name in DATES}, TITLE: "NULLIF(title, '')"}
_OF_DOCUMENTS = "SELECT id, {column} FROM search_document WHERE id = ANY(%s)"
_OF_FIELD = """
    SELECT held.document_id, min(held.number), min(held.moment), min(held.value)
    FROM search_fieldvalue held
    WHERE held.document_id = ANY(%s)
        AND held.field_id = ANY(ARRAY(SELECT id FROM search_collectionfield WHERE name = %s))
    GROUP BY held.document_id
"""


def check_sort(sort: str) -> None:
    """Raise AppError `parameter.invalid` for what nothing can be sorted by."""
    name = sort.removeprefix("-")
    is_key = "\0" not in name and is_metadata_field(name)
    if sort != RELEVANCE and name not in _COLUMNS and not is_key:
        known = ", ".join(f"“{known}”" for known in (RELEVANCE, *_COLUMNS))
        raise AppError.of_parameter(
            "sort", f"Sort by {known}, or “metadata.” and a key; downwards with “-” before it."
        )


def sort_ranking(ranking: Ranking, sort: str) -> Ranking:
    """Return the ranking in this order; those that lack the field come last, and equal ones by relevance."""
    if sort == RELEVANCE or not ranking.documents:
        return ranking
    keys = _keys([document.document_id for document in ranking.documents], sort.removeprefix("-"))
    have = [document for document in ranking.documents if keys.get(document.document_id) is not None]
    have.sort(key=lambda document: keys[document.document_id], reverse=sort.startswith("-"))
    lack = [document for document in ranking.documents if keys.get(document.document_id) is None]
    return replace(ranking, documents=(*have, *lack))


def _keys(documents: Sequence[int], name: str) -> dict[int, Any]:
    """Return what each document is sorted by: as numbers or dates where all that have the field have these."""
    with connection.cursor() as cursor:
        if name in _COLUMNS:
            cursor.execute(_OF_DOCUMENTS.format(column=_COLUMNS[name]), [documents])
            keys = dict(cursor.fetchall())
            return {pk: key and _as_read(key) for pk, key in keys.items()} if name == TITLE else keys
        cursor.execute(_OF_FIELD, [documents, name])
        rows = cursor.fetchall()
    column = next((place for place in (1, 2) if all(row[place] is not None for row in rows)), 3)
    return {row[0]: _as_read(row[column]) if column == 3 else row[column] for row in rows}


def _as_read(text: str) -> tuple[str, str]:
    """Return what a text is sorted by, as people look for it: “Äpfel” beside “Apfel”, whatever the case."""
    return folded(text), text.casefold()
