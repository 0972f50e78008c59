"""The words of a search as the collections' full text knows them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from retrieval_site.database.reading import connection

if TYPE_CHECKING:
    from collections.abc import Sequence

WORDS_MAX = 32
"""Different words of a search that full text looks for."""
WORD = re.compile(r"[^\W_]+")

_LOOK_UP = """
    SELECT asked.language, asked.ids, asked.passages, word.place, word.lexeme, coalesce(word.passages, 0)
    FROM (
        SELECT collection.language, array_agg(collection.id) AS ids, sum(coalesce(counted.passages, 0)) AS passages
        FROM search_collection collection
        LEFT JOIN lexical_vocabulary counted ON counted.collection_id = collection.id
        WHERE collection.id = ANY(%(collections)s::bigint[])
        GROUP BY collection.language
    ) asked
    CROSS JOIN LATERAL (
        SELECT asked_word.place, lexeme.lexeme, counted.passages
        FROM unnest(%(words)s::text[]) WITH ORDINALITY asked_word(word, place)
        CROSS JOIN LATERAL unnest(search_words(asked.language, asked_word.word)) lexeme
        CROSS JOIN LATERAL (
            SELECT sum(passages)::bigint AS passages FROM lexical_word
            WHERE lexical_word.lexeme = lexeme.lexeme AND collection_id = ANY(asked.ids)
        ) counted
    ) word
"""


@dataclass(frozen=True)
class Term:
    """A word of a search in its stem, and in how many passages it was counted; `word` is as it was written."""

    word: str
    lexeme: str
    passages: int

    @property
    def query(self) -> str:
        """Return the tsquery that looks for it."""
        return "'" + self.lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


@dataclass(frozen=True)
class LanguageTerms:
    """What a search asks of the collections of one language; words that say nothing there (“the”) are left out."""

    language: str
    collections: tuple[int, ...]
    passages: int
    terms: tuple[Term, ...]

    def idf(self, term: Term) -> float:
        """Return the inverse document frequency as BM25 has it (Robertson & Zaragoza 2009, eq. 3.3)."""
        passages = max(self.passages, term.passages)
        return math.log(1 + (passages - term.passages + 0.5) / (term.passages + 0.5))


@dataclass(frozen=True)
class AskedWords:
    """The words of a search, by the languages of the collections that are searched."""

    words: tuple[str, ...]
    languages: tuple[LanguageTerms, ...]

    @property
    def says_nothing(self) -> bool:
        """Whether there are words, and none that says anything in a language of the collections."""
        return bool(self.words) and not any(each.terms for each in self.languages)

    @cached_property
    def not_counted(self) -> tuple[str, ...]:
        """The words that no vocabulary has in any of their forms, in the order in which they are written.

        None where nothing was counted yet.
        """
        if not any(each.passages for each in self.languages):
            return ()
        known = {term.word for each in self.languages for term in each.terms if term.passages}
        meant = {term.word for each in self.languages for term in each.terms}
        return tuple(word for word in self.words if word in meant - known)


def words_of(text: str) -> tuple[str, ...]:
    """Return the different words of a text, in lower case, in order."""
    return tuple(dict.fromkeys(word.lower() for word in WORD.findall(text)))[:WORDS_MAX]


def look_up(text: str, collections: Sequence[int]) -> AskedWords:
    """Return the words of a text as these collections, by id, have them."""
    words = words_of(text)
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_UP, {"collections": list(collections), "words": list(words)})
        rows = cursor.fetchall()
    groups: dict[tuple[str, tuple[int, ...], int], dict[str, Term]] = {}
    for language, ids, passages, place, lexeme, count in rows:
        terms = groups.setdefault((language, tuple(sorted(ids)), int(passages)), {})
        terms.setdefault(lexeme, Term(words[place - 1], lexeme, count))
    return AskedWords(
        words, tuple(LanguageTerms(*key, tuple(terms.values())) for key, terms in groups.items())
    )
