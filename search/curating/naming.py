"""The documents that somebody names: by words of their texts, by a part of a title or external id, by an identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.db.models.expressions import RawSQL

from search.models import Document
from search.words.identifiers import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    from django.db.models import QuerySet

    from search.models import Collection

    Way: TypeAlias = tuple[str, Sequence[Any]]
    """A statement that gives documents' ids, and its parameters."""

_BY_WORDS = """
    SELECT {distinct} document_id FROM lexical_passage
    WHERE collection_id = ANY(%s) AND words @@ websearch_to_tsquery(('search_' || %s)::regconfig, search_plain(%s))
"""
_AMONG = " AND document_id = ANY(%s)"


def documents_named(
    collections: Iterable[Collection],
    words: str,
    *,
    among: Sequence[int] | None = None,
    most: int | None = None,
) -> Q:
    """Return the condition that a document of these collections is named so.

    Each way is looked up by its own index: one condition with OR would read every document. Their documents are put
    together as they come, since who asks for them takes each once anyway. `among`: only these documents are looked at.
    `most`: each way gives no more than so many documents, which is enough to count up to that.
    """
    of_language: dict[str, list[int]] = {}
    for collection in collections:
        of_language.setdefault(collection.language, []).append(collection.pk)
    ids = [pk for held in of_language.values() for pk in held]
    if not ids or (among is not None and not among):
        return Q(pk__in=())
    documents = Document.objects.filter(collection__in=ids)
    if among is not None:
        documents = documents.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [among]))
    # Several passages of one document count once where the number of rows is limited.
    by_words = _BY_WORDS.format(distinct="DISTINCT" if most else "") + ("" if among is None else _AMONG)
    ways: list[Way] = [
        _sql(documents.filter(title__icontains=words)),
        _sql(documents.filter(external_id__icontains=words)),
        *(
            (by_words, (held, language, words, *(() if among is None else (among,))))
            for language, held in of_language.items()
        ),
    ]
    if identifier := normalised(words):
        ways.append(_sql(documents.filter(identifiers__value=identifier)))
    end, last = (" LIMIT %s", [most]) if most else ("", [])
    statement = " UNION ALL ".join(f"({way}{end})" for way, _ in ways)
    parameters = [value for _, values in ways for value in (*values, *last)]
    return Q(pk__in=RawSQL(statement, parameters))  # noqa: S611  values are parameters


def _sql(documents: QuerySet[Document]) -> Way:
    return documents.order_by().values("pk").query.sql_with_params()
