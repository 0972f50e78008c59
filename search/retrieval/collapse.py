"""Collapse: which documents of a ranking show nearly the same as a better one, so that one stands for them.

Near-duplicates are measured by what was found of each document. Pictures: the same file, or vectors of nearly the same
direction. Texts: the same words, or vectors of nearly the same direction, mostly the same words, and the same numbers
and part numbers: a model that does not know part numbers gives KX-204 and KX-205 the same vector.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg import sql

from retrieval_site.database.reading import connection
from search.units.registry import unit_kind
from search.vectors.read import from_binary, receive_binary
from search.vectors.sharded.layout import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from search.retrieval.types import RankedDocument, Ranking
    from search.vectors.tables import VectorTable

# Measured with the demo's model. 186 drawings: of different documents the two closest have 0.986; saved again with JPEG
# quality 40 or at half the size, each has 0.998 or more with itself. 2,262 notes: no two different ones have 0.993.
PICTURES_COSINE_MIN = 0.995
TEXTS_COSINE_MIN = 0.99
WORDS_SHARED_MIN = 0.8
"""Of the words that either text has."""
_WORDS = re.compile(r"\w+")
_STORED = sql.SQL("""
    SELECT stored.unit_id, stored.embedding, unit.{content}
    FROM {table} stored JOIN {units} unit ON unit.id = stored.unit_id
    WHERE stored.unit_id = ANY(%s)
""")


@dataclass(frozen=True)
class _Shown:
    """What was found of a document: its place among the vectors, and what its unit's row says.

    `content` of a text is its words, one blank between them; of a picture, its file.
    """

    document_id: int
    place: int
    content: str
    words: frozenset[str]

    @property
    def numbers(self) -> frozenset[str]:
        """The words with a digit: numbers, sizes, part numbers."""
        return frozenset(word for word in self.words if any(map(str.isdigit, word)))


def collapse(ranking: Ranking, table: VectorTable, known: Ranking | None = None) -> Ranking:
    """Return the ranking with `same_as` on each document that is nearly the same as a better one.

    `known`: what stands in front of it already.
    """
    before = [ranked for ranked in known.documents if ranked.same_as is None] if known else []
    every = [*before, *ranking.documents]
    if not unit_kind(ranking.kind).content or len(every) < 2:
        return ranking
    rows = _stored(table, [ranked.unit_id for ranked in every])
    same = _same_as(every, rows, by_words=unit_kind(ranking.kind).modality == "text")
    marked = [replace(ranked, same_as=same.get(ranked.document_id)) for ranked in ranking.documents]
    return replace(ranking, documents=tuple(marked))


def _stored(table: VectorTable, unit_ids: Sequence[int]) -> dict[int, tuple[bytes, str]]:
    """Return vector and content of each unit, in one statement."""
    content = sql.Identifier(unit_kind(table.kind).content)
    units = sql.Identifier(table.units)
    statement = _STORED.format(content=content, table=rows_of(table), units=units).as_string()
    with connection.cursor() as cursor:
        receive_binary(cursor)
        cursor.execute(statement, [list(unit_ids)])
        rows: list[tuple[int, bytes, Any]] = cursor.fetchall()
    return {unit_id: (vector, str(content)) for unit_id, vector, content in rows}


def _same_as(
    ranked: Sequence[RankedDocument], rows: dict[int, tuple[bytes, str]], *, by_words: bool
) -> dict[int, int]:
    """Return the better document that stands for each near-duplicate; those that stand for others are their own."""
    there = [one for one in ranked if one.unit_id in rows]
    if not there:
        return {}
    close = _closeness([rows[one.unit_id][0] for one in there])
    heads: list[_Shown] = []
    same: dict[int, int] = {}
    for place, one in enumerate(there):
        content = rows[one.unit_id][1]
        words = _WORDS.findall(content.casefold()) if by_words else []
        shown = _Shown(one.document_id, place, " ".join(words) or content, frozenset(words))
        near = _near_texts if by_words else _near_pictures
        head = next((head for head in heads if near(head, shown, float(close[head.place, place]))), None)
        if head is None:
            heads.append(shown)
        else:
            same[one.document_id] = head.document_id
    return same


def nearly_same(content: str, other: str, cosine: float, *, by_words: bool) -> bool:
    """Return whether two units show nearly the same: by what their rows say and the cosine of their vectors."""
    if not by_words:
        return content == other or cosine >= PICTURES_COSINE_MIN
    return _near_texts(_text_shown(content), _text_shown(other), cosine)


def _text_shown(content: str) -> _Shown:
    words = _WORDS.findall(content.casefold())
    return _Shown(0, 0, " ".join(words), frozenset(words))


def _closeness(vectors: Sequence[bytes]) -> NDArray[np.float32]:
    """Return the cosines `(units, units)` of vectors as they are received."""
    dim = (len(vectors[0]) - 4) // 2
    stored = from_binary(vectors, dim)
    stored = stored / np.maximum(np.linalg.norm(stored, axis=1, keepdims=True), 1e-6)
    return np.asarray(stored @ stored.T, np.float32)


def _near_pictures(one: _Shown, other: _Shown, cosine: float) -> bool:
    return one.content == other.content or cosine >= PICTURES_COSINE_MIN


def _near_texts(one: _Shown, other: _Shown, cosine: float) -> bool:
    if one.content == other.content:
        return True
    if cosine < TEXTS_COSINE_MIN or one.numbers != other.numbers:
        return False
    return len(one.words & other.words) >= WORDS_SHARED_MIN * len(one.words | other.words)
