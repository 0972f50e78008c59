"""Which words are forms of one word, by the full text search of a language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval_site.database.reading import connection

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEXEMES = """
    SELECT word, tsvector_to_array(search_words(%s, word)) FROM unnest(%s::text[]) word
"""


def lexemes_of(words: Sequence[str], language: str) -> dict[str, tuple[str, ...]]:
    """Return what full text makes of each word: the same of forms of one word, nothing of one that does not count."""
    different = list(dict.fromkeys(words))
    with connection.cursor() as cursor:
        cursor.execute(_LEXEMES, [language, different])
        return {word: tuple(lexemes) for word, lexemes in cursor.fetchall()}
