"""The documents that somebody names: by words of their texts, by a part of a title or external id, by an identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.db.models.expressions import RawSQL

from search.models import Document, DocumentIdentifier
from search.words.identifiers import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

    from search.models import Collection

_BY_WORDS = """
    SELECT document_id FROM lexical_passage
    WHERE collection_id = ANY(%s) AND words @@ websearch_to_tsquery(('search_' || %s)::regconfig, search_plain(%s))
"""


def documents_named(collections: Iterable[Collection], words: str) -> Q:
    """Return the condition that a document of these collections is named so.

    Each way is looked up by its own index, and their documents are put together: one condition with OR would read
    every document.
    """
    of_language: dict[str, list[int]] = {}
    for collection in collections:
        of_language.setdefault(collection.language, []).append(collection.pk)
    ids = [pk for held in of_language.values() for pk in held]
    documents = Document.objects.order_by().values("pk")
    ways: list[QuerySet[Any]] = [
        documents.filter(title__icontains=words, collection__in=ids),
        documents.filter(external_id__icontains=words, collection__in=ids),
        *(
            documents.filter(pk__in=_by_words(held, language, words))
            for language, held in of_language.items()
        ),
    ]
    if identifier := normalised(words):
        known = DocumentIdentifier.objects.filter(value=identifier, document__collection__in=ids)
        ways.append(known.order_by().values("document"))
    return Q(pk__in=ways[0].union(*ways[1:]))


def _by_words(collections: list[int], language: str, words: str) -> RawSQL:
    return RawSQL(_BY_WORDS, [collections, language, words])  # noqa: S611  a constant, values are parameters
