"""Present: from ranked documents to a page of hits, in one statement however many there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from retrieval_site.database import Prepared
from retrieval_site.database.reading import connection
from retrieval_site.rows import columns
from search.models import Collection, Document, DocumentImage, DocumentPage
from search.retrieval.types import Hit
from search.units.registry import unit_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django.db.models import Model

    from retrieval_site.rows import Columns
    from search.retrieval.cursor import Cursor
    from search.retrieval.types import RankedDocument, Ranking

_SELECT = """
    SELECT unit.id, {columns}
    FROM unnest(%(units)s::bigint[], %(documents)s::bigint[]) AS unit (id, document_id)
    JOIN search_document document ON document.id = unit.document_id
    JOIN search_collection collection ON collection.id = document.collection_id
    {joins}
    WHERE document.collection_id = ANY(%(collections)s::bigint[])
"""
BODY_BYTES_MAX = 200_000
"""A longer body is not fetched for a hit, which then shows its passage alone: a page of them would be 100 MB."""

_BODY = 'document."body"'
_OF_PAGE = """
        SELECT -id AS id, document_id, 0 AS ordinal, blob_id, width, height, '' AS alt,
            number AS page, NULL::jsonb AS box
        FROM search_documentpage
        WHERE document_id = document.id AND number = {kind}.page AND {kind}.page > 0 AND blob_id IS NOT NULL
        UNION ALL
"""
_OUTLINE, _NO_OUTLINE = 'document."outline"', "'{}'::jsonb"
"""Of use to nobody who looks at hits, and long for a manual of thousands of pages."""
_SHORT_BODY = f"CASE WHEN octet_length({_BODY}) <= {BODY_BYTES_MAX} THEN {_BODY} ELSE '' END"
# What a hit shows beside its document; outer joins, for it may be gone since the search, or never have been.
_UNIT = "LEFT JOIN {table} {kind} ON {kind}.id = unit.id"
_AT_PAGE = """
    LEFT JOIN search_documentpage at_page ON at_page.document_id = document.id AND at_page.number = {kind}.page
"""
_COVER = """
    LEFT JOIN LATERAL (
        SELECT * FROM (
            {page}
            (SELECT id, document_id, ordinal, blob_id, width, height, alt, page, box
             FROM search_documentimage WHERE document_id = document.id ORDER BY ordinal LIMIT 1)
        ) shown LIMIT 1
    ) cover ON true
"""


@dataclass(frozen=True)
class Page:
    """The hits from a cursor on, and the cursor behind them; None at the end."""

    hits: tuple[Hit, ...]
    next: Cursor | None = None


def present(
    ranking: Ranking, cursor: Cursor, limit: int, collections: Sequence[int], *, apart: bool = False
) -> Page:
    """Return up to `limit` hits from the cursor on, of documents in one of the collections.

    Near-duplicates stand with the first hit that they are like, unless they are wanted `apart`.
    """
    groups = _groups(ranking, apart=apart)
    hits: list[Hit] = []
    passed, documents = cursor.passed, ranking.documents
    while len(hits) < limit and passed < len(documents):
        asked = documents[passed : passed + limit - len(hits)]
        members = [groups[one.document_id] for one in asked if one.document_id in groups]
        hits += _grouped(members, ranking.kind, collections, cursor.shown + len(hits) + 1)
        passed += len(asked)
    behind = replace(cursor, passed=passed, shown=cursor.shown + len(hits))
    left = [member for one in documents[passed:] for member in groups.get(one.document_id, ())]
    return Page(tuple(hits), behind if ranking.more or _any_visible(left, collections) else None)


def _groups(ranking: Ranking, *, apart: bool) -> dict[int, list[RankedDocument]]:
    """Return the documents that stand together, by the first of them."""
    first: dict[int, int] = {}
    groups: dict[int, list[RankedDocument]] = {}
    for one in ranking.documents:
        best = one.document_id if apart else one.same_as or one.document_id
        groups.setdefault(first.setdefault(best, one.document_id), []).append(one)
    return groups


def _grouped(
    groups: Sequence[Sequence[RankedDocument]], kind: str, collections: Sequence[int], first_rank: int
) -> list[Hit]:
    """Return a hit for every group of which something may be seen: its first visible document, and the others in it."""
    seen = {
        hit.document.pk: hit for hit in hits_of([one for group in groups for one in group], kind, collections)
    }
    visible = [[seen[one.document_id] for one in group if one.document_id in seen] for group in groups]
    return [
        replace(first, rank=rank, same=tuple(replace(hit, rank=rank) for hit in others))
        for rank, (first, *others) in enumerate(filter(None, visible), first_rank)
    ]


def _any_visible(documents: Iterable[RankedDocument], collections: Sequence[int]) -> bool:
    """Return whether a further page has anything: a link to an empty one would tell that something is hidden."""
    ids = [document.document_id for document in documents]
    return bool(ids) and Document.objects.filter(pk__in=ids, collection__in=collections).exists()


def hits_of(
    documents: Sequence[RankedDocument], kind: str, collections: Sequence[int], first_rank: int = 1
) -> list[Hit]:
    """Return a hit for every document that is in one of the collections; others are gone or hidden now.

    A vector's own collection was checked by the search; the document's is checked again here, so that a document
    that is moving between collections at this moment is shown to nobody too many.
    """
    found = dict(_found(documents, kind, collections))
    shown = [document for document in documents if document.unit_id in found]
    return [
        Hit(
            rank,
            document.score,
            kind=kind,
            relevance=document.relevance,
            strength=document.strength,
            **found[document.unit_id],
        )
        for rank, document in enumerate(shown, first_rank)
    ]


def _found(
    documents: Sequence[RankedDocument], kind: str, collections: Sequence[int]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each unit's id with what its hit shows."""
    statement, parts = _statement(kind)
    asked = {
        "units": [document.unit_id for document in documents],
        "documents": [document.document_id for document in documents],
        "collections": list(collections),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        rows = cursor.fetchall()
    known: dict[tuple[str, Any], Any] = {}
    for unit_id, *values in rows:
        shown = _instances(parts, values, known)
        shown["document"].collection = shown.pop("collection")
        shown["unit"] = shown.pop(kind)
        yield unit_id, shown


def _instances(
    parts: Sequence[Columns[Any]], values: Sequence[Any], known: dict[tuple[str, Any], Any]
) -> dict[str, Any]:
    """Return an instance for each part of a row, None for what an outer join did not find; `known`: of other rows."""
    found: dict[str, Any] = {}
    for part in parts:
        own, values = part.split(values)
        key = part.alias, own[0]
        if own[0] is not None and key not in known:
            known[key] = part.instance(own)
        found[part.alias] = known.get(key)
    return found


@cache
def _statement(kind: str) -> tuple[Prepared, tuple[Columns[Any], ...]]:
    """Return the statement and the parts of its rows behind the unit's id."""
    known = unit_kind(kind)
    page = _OF_PAGE.format(kind=kind) if known.shown.on_page else ""
    joins = _UNIT.format(table=known.table, kind=kind) + (
        _COVER.format(page=page) if known.shown.cover else ""
    )
    joins += _AT_PAGE.format(kind=kind) if known.shown.on_page else ""
    every: dict[str, type[Model]] = {"document": Document, "collection": Collection, kind: known.model}
    if known.shown.cover:
        every["cover"] = DocumentImage
    if known.shown.on_page:
        every["at_page"] = DocumentPage
    parts = tuple(columns(model, alias) for alias, model in every.items())
    selected = (
        ", ".join(part.sql for part in parts).replace(_BODY, _SHORT_BODY).replace(_OUTLINE, _NO_OUTLINE)
    )
    return Prepared(_SELECT.format(columns=selected, joins=joins)), parts
