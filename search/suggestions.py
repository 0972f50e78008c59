"""What somebody may be about to write: words that they searched for lately, identifiers and titles that begin so.

Only documents that the asker may see are looked at. Both prefixes have an index of their own (`Document.Meta`), whose
expressions stand in the statements as they stand there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.db import connection as primary

from retrieval_site.database.reading import connection, read
from search.retrieval.scope import visible_collections

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from search.querysets import Viewer

Kind = Literal["recent", "identifier", "title"]
LIMIT_DEFAULT, LIMIT_MAX = 8, 20
TYPED_MAX = 200
"""Characters that are looked at; whoever wrote more needs no suggestion."""
WORDS_MAX = 8
RECENT_MAX, IDENTIFIERS_MAX = 3, 3
"""Of the suggestions, so many at most are of these kinds where there are titles too."""
SEARCHES_LOOKED_AT = 200
TITLES_LOOKED_AT = 500
"""Documents whose titles are compared: enough to find different ones among many of the same name."""
WORD_MIN = 2
"""Letters from which on titles are looked for: one letter begins a third of all words."""

_WORD = re.compile(r"\w+")
_RECENT = """
    SELECT part.text
    FROM (
        SELECT id, created_at FROM search_query
        WHERE user_id = %(user)s AND listed ORDER BY created_at DESC LIMIT %(searches)s
    ) made
    JOIN search_querypart part ON part.query_id = made.id
    WHERE part.modality = 'text' AND part.weight > 0
    ORDER BY made.created_at DESC
"""
IDENTIFIERS = """
    SELECT id, external_id, title
    FROM search_document
    WHERE regexp_replace(lower(external_id), '[- _./:#,;()]', '', 'g') LIKE %(beginning)s
        AND collection_id = ANY(%(collections)s::bigint[])
    ORDER BY length(external_id), external_id, id
    LIMIT %(limit)s
"""
TITLES = """
    SELECT title
    FROM (
        SELECT title FROM search_document
        WHERE to_tsvector('simple'::regconfig, COALESCE(title, '')) @@ to_tsquery('simple', %(words)s)
            AND collection_id = ANY(%(collections)s::bigint[])
        LIMIT %(looked_at)s
    ) found
    GROUP BY title
    ORDER BY NOT starts_with(lower(title), lower(%(typed)s)), length(title), title
    LIMIT %(limit)s
"""
_SEPARATORS = re.compile(r"[- _./:#,;()]")


@dataclass(frozen=True)
class Suggestion:
    """Words to search for, or with `document` a document whose identifier begins so; `title` is its title."""

    kind: Kind
    text: str
    document: int | None = None
    title: str = ""


def suggestions(
    typed: str, viewer: Viewer, collections: Sequence[str] = (), limit: int = LIMIT_DEFAULT
) -> list[Suggestion]:
    """Return at most `limit` suggestions for what somebody has typed so far; for nothing, what they asked lately.

    Raises AppError `collection.not_found`.
    """
    typed = " ".join(typed.split())[:TYPED_MAX].replace("\0", "")
    recent = list(_recent(typed, viewer))
    if not typed:
        return recent[:limit]
    found = read(lambda: _of_documents(typed, visible_collections(viewer, collections), limit))
    identifiers = [each for each in found if each.kind == "identifier"]
    titles = [each for each in found if each.kind == "title"]
    first = [*recent[:RECENT_MAX], *identifiers[:IDENTIFIERS_MAX]]
    rest = [*titles, *recent[RECENT_MAX:], *identifiers[IDENTIFIERS_MAX:]]
    return _different([*first, *rest], typed)[:limit]


def _different(found: Sequence[Suggestion], typed: str) -> list[Suggestion]:
    """Return the suggestions without those that say the same as one before, or only what was typed."""
    seen = {typed.casefold()}
    kept = []
    for each in found:
        text = each.text.casefold()
        if each.document is None and text in seen:
            continue
        seen.add(text)
        kept.append(each)
    return kept


def _recent(typed: str, viewer: Viewer) -> Iterator[Suggestion]:
    """Yield the different words that somebody with an account asked with, newest first, of which one begins so."""
    if viewer is None or not viewer.is_authenticated:
        return
    begins = re.compile(rf"(?:^|\W){re.escape(typed.casefold())}")
    seen = set()
    with primary.cursor() as cursor:
        cursor.execute(_RECENT, {"user": viewer.pk, "searches": SEARCHES_LOOKED_AT})
        for (text,) in cursor.fetchall():
            words = " ".join(text.split())
            if len(words) <= TYPED_MAX and words not in seen and begins.search(words.casefold()):
                seen.add(words)
                yield Suggestion("recent", words)


def _of_documents(typed: str, collections: Sequence[int], limit: int) -> list[Suggestion]:
    if not collections:
        return []
    asked = {"collections": list(collections), "limit": limit}
    found: list[Suggestion] = []
    with connection.cursor() as cursor:
        if beginning := identifier_beginning(typed):
            cursor.execute(IDENTIFIERS, {**asked, "beginning": beginning})
            found += [Suggestion("identifier", text, pk, title) for pk, text, title in cursor.fetchall()]
        if words := title_words(typed):
            more = {"words": words, "typed": typed, "looked_at": TITLES_LOOKED_AT}
            cursor.execute(TITLES, {**asked, **more})
            found += [Suggestion("title", title) for (title,) in cursor.fetchall()]
    return found


def identifier_beginning(typed: str) -> str:
    """Return the pattern of identifiers that begin so, whatever separates their parts; "" for separators alone."""
    letters = _SEPARATORS.sub("", typed.lower())
    escaped = re.sub(r"([%\\])", r"\\\1", letters)
    return f"{escaped}%" if letters else ""


def title_words(typed: str) -> str:
    """Return the text search for titles with these words, of which the last may go on; "" for too few letters."""
    words = _WORD.findall(typed.lower())[:WORDS_MAX]
    if not words or len(words[-1]) < WORD_MIN:
        return ""
    return " & ".join([*(f"'{word}'" for word in words[:-1]), f"'{words[-1]}':*"])
