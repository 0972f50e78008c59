"""The documents that somebody names: by words of their texts, by a part of a title or external id, by an identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.db.models.expressions import RawSQL

from search.models import Document, DocumentIdentifier
from search.words.identifiers import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from search.models import Collection

_BY_WORDS = """
    SELECT document_id FROM lexical_passage
    WHERE collection_id = ANY(%s) AND words @@ websearch_to_tsquery(('search_' || %s)::regconfig, search_plain(%s))
"""


def documents_named(collections: Iterable[Collection], words: str) -> Q:
    """Return the condition that a document of these collections is named so.

    Each way is looked up by its own index: one condition with OR would read every document. Their documents are put
    together as they come, since who asks for them takes each once anyway.
    """
    of_language: dict[str, list[int]] = {}
    for collection in collections:
        of_language.setdefault(collection.language, []).append(collection.pk)
    ids = [pk for held in of_language.values() for pk in held]
    if not ids:
        return Q(pk__in=())
    documents = Document.objects.filter(collection__in=ids).order_by().values("pk")
    ways = [
        _sql(documents.filter(title__icontains=words)),
        _sql(documents.filter(external_id__icontains=words)),
        *((_BY_WORDS, (held, language, words)) for language, held in of_language.items()),
    ]
    if identifier := normalised(words):
        known = DocumentIdentifier.objects.filter(value=identifier, document__collection__in=ids)
        ways.append(_sql(known.order_by().values("document")))
    parameters = [value for _, values in ways for value in values]
    return Q(pk__in=RawSQL(" UNION ALL ".join(way for way, _ in ways), parameters))  # noqa: S611  values are parameters


def _sql(rows: QuerySet[Any]) -> tuple[str, Sequence[Any]]:
    return rows.query.sql_with_params()
