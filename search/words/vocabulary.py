"""The words of each collection: in how many passages each stands, in the forms in which people write them.

Counting a collection anew reads all of its passages, so a job does it where enough has changed since the last time.
What a word that was not counted yet weighs is guessed; that it is found needs no vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection, transaction

if TYPE_CHECKING:
    from collections.abc import Callable

REWRITE_ROWS = 1000
COUNTED_SHARE_MIN = 0.95
"""A collection is counted anew once a twentieth of its passages are others."""

_REWRITE = """
    UPDATE lexical_passage lexical
    SET language = collection.language,
        words = search_words(collection.language, document.title || ' ' || passage.text)
    FROM search_passage passage, search_document document, search_collection collection
    WHERE passage.id = lexical.passage_id AND lexical.passage_id IN (
        SELECT passage_id FROM lexical_passage stale
        JOIN search_collection other ON other.id = stale.collection_id
        WHERE stale.language < other.language OR stale.language > other.language
        ORDER BY passage_id LIMIT %s
    ) AND document.id = passage.document_id AND collection.id = document.collection_id
"""
_CHANGED = """
    SELECT collection.id
    FROM search_collection collection
    LEFT JOIN lexical_vocabulary counted ON counted.collection_id = collection.id
    CROSS JOIN LATERAL (
        SELECT count(*) AS passages, count(*) FILTER (WHERE passage_id <= counted.last_passage) AS old
        FROM lexical_passage WHERE collection_id = collection.id
    ) now
    WHERE CASE WHEN counted.language = collection.language
               THEN now.old < %(share)s * greatest(now.passages, counted.passages)
               ELSE counted.language IS NOT NULL OR now.passages > 0 END
"""
_COUNT = """
    INSERT INTO lexical_vocabulary
    SELECT collection.id, collection.language, count(passage_id), coalesce(max(passage_id), 0)
    FROM search_collection collection LEFT JOIN lexical_passage lexical ON lexical.collection_id = collection.id
    WHERE collection.id = %(collection)s
    GROUP BY collection.id
    ON CONFLICT (collection_id) DO UPDATE
    SET language = excluded.language, passages = excluded.passages, last_passage = excluded.last_passage
"""
_FORGET = "DELETE FROM lexical_word WHERE collection_id = %(collection)s"
_WORDS = """
    INSERT INTO lexical_word
    SELECT %(collection)s, word, (tsvector_to_array(search_words(
        (SELECT language FROM search_collection WHERE id = %(collection)s), word)))[1], ndoc
    FROM ts_stat(format($$
        SELECT to_tsvector('simple', search_plain(document.title || ' ' || passage.text))
        FROM search_passage passage JOIN search_document document ON document.id = passage.document_id
        WHERE document.collection_id = %%s
    $$, %(collection)s::bigint))
    WHERE length(word) <= 60
"""


def vocabularies_refresh(checkpoint: Callable[[], None] = lambda: None) -> None:
    """Write passages anew whose collection has another language now, and count the words of changed collections."""
    with connection.cursor() as cursor:
        rewritten = REWRITE_ROWS
        while rewritten == REWRITE_ROWS:
            cursor.execute(_REWRITE, [REWRITE_ROWS])
            rewritten = cursor.rowcount
            checkpoint()
        cursor.execute(_CHANGED, {"share": COUNTED_SHARE_MIN})
        changed = [row[0] for row in cursor.fetchall()]
    for collection in changed:
        vocabulary_count(collection)
        checkpoint()
    if changed:
        with connection.cursor() as cursor:
            cursor.execute("SELECT gin_clean_pending_list('lexical_passage_words')")
            cursor.execute("ANALYZE lexical_passage, lexical_word")


@transaction.atomic
def vocabulary_count(collection: int) -> None:
    """Count the words of a collection, by id."""
    with connection.cursor() as cursor:
        for statement in (_COUNT, _FORGET, _WORDS):
            cursor.execute(statement, {"collection": collection})
