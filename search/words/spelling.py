"""Words that nobody wrote in these collections, mended to the nearest that somebody did.

Trigrams propose words of the collections' own vocabulary, the edit distance decides. Only collections that are searched
propose, so that nobody learns a word of one that they may not see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from retrieval_site.database.reading import alias, connection
from search.words.terms import WORD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from search.words.terms import AskedWords

LENGTH_MIN = 4
"""Letters of a word that is mended; of so many, only two neighbours that changed places are."""
TWO_EDITS_MIN = 8
"""Letters from which on two mistakes are mended."""
_PROPOSED_MAX = 60
_SIMILARITY_MIN = 0.1
"""Low, because two letters that changed places leave a word of four a ninth of its trigrams."""

_THRESHOLD = "SELECT set_config('pg_trgm.similarity_threshold', %s, true)"
_PROPOSE = """
    SELECT asked.word, proposed.word, proposed.passages
    FROM unnest(%(words)s::text[], %(queries)s::tsquery[]) asked(word, query)
    CROSS JOIN LATERAL (
        SELECT word, sum(passages)::bigint AS passages
        FROM lexical_word
        WHERE word %% asked.word AND collection_id = ANY(%(collections)s::bigint[])
          AND length(word) BETWEEN length(asked.word) - 2 AND length(asked.word) + 2 AND word !~ '[0-9]'
        GROUP BY word
        ORDER BY similarity(word, asked.word) DESC LIMIT %(most)s
    ) proposed
    WHERE NOT EXISTS (
        SELECT FROM lexical_passage lexical
        WHERE lexical.words @@ asked.query AND lexical.collection_id = ANY(%(collections)s::bigint[])
    )
"""


def misspelt(asked: AskedWords, is_known: Callable[[str], bool]) -> dict[str, str]:
    """Return the right word for each misspelt one, in lower case.

    `is_known` says of a word that no collection has whether it is right all the same.
    """
    words = [word for word in asked.not_counted if len(word) >= LENGTH_MIN and word.isalpha()]
    words = [word for word in words if not is_known(word)]
    best: dict[str, tuple[int, int, str]] = {}
    for word, proposed, passages in _proposals(words, asked) if words else ():
        distance = edit_distance(word, proposed)
        if distance <= _edits_allowed(word, proposed):
            best[word] = min(best.get(word, (distance, -passages, proposed)), (distance, -passages, proposed))
    return {word: proposed for word, (_, _, proposed) in best.items()}


def mended(text: str, right: Mapping[str, str]) -> str:
    """Return a text with the right words in the place of misspelt ones, with a capital where it has one."""
    return WORD.sub(lambda found: _as_in(found[0], right.get(found[0].lower(), "")), text)


def edit_distance(one: str, other: str) -> int:
    """Return how many letters to insert, delete or replace, and neighbours to swap, lead from one word to the other.

    Optimal string alignment (Damerau 1964; restricted, as in Boytsov 2011).
    """
    before, row = [0] * (len(other) + 1), list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _edits_allowed(word: str, proposed: str) -> int:
    if len(word) == LENGTH_MIN:
        return int(sorted(word) == sorted(proposed))
    return 2 if len(word) >= TWO_EDITS_MIN else 1


def _proposals(words: Sequence[str], asked: AskedWords) -> list[tuple[str, str, int]]:
    """Return near words of the vocabulary for each that stands in no passage, counted or not, with their counts."""
    terms = [term for each in asked.languages for term in each.terms]
    parameters = {
        "words": words,
        "queries": [" | ".join(term.query for term in terms if term.word == word) for word in words],
        "collections": [collection for each in asked.languages for collection in each.collections],
        "most": _PROPOSED_MAX,
    }
    with transaction.atomic(using=alias()), connection.cursor() as cursor:
        cursor.execute(_THRESHOLD, [str(_SIMILARITY_MIN)])
        cursor.execute(_PROPOSE, parameters)
        found: list[tuple[str, str, int]] = cursor.fetchall()
        return found


def _as_in(written: str, right: str) -> str:
    return (right.capitalize() if written[0].isupper() else right) or written
