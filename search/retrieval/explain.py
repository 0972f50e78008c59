"""Why a hit was found: which words and regions of what was asked with, and of what was found, carried its score.

An explanation compares vectors of texts and pictures with something left out of them. A query worker makes these one
explanation at a time, so that nobody who searches waits for them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np

from retrieval_site.errors import AppError
from search.retrieval import keep
from search.retrieval.calibrate import BACKGROUND_MIN
from search.retrieval.leave_out import Word, shares, words_of
from search.retrieval.pages import kept_query
from search.retrieval.regions import Regions, has_regions, regions_of
from search.retrieval.scoring import part_scores, standard_of, standardise
from search.retrieval.types import EncodedPart, EncodedQuery
from search.thumbnails import LONGEST_SIDES_PX, thumbnail_open
from search.units.registry import picture_of, span_of
from search.vectors.background import background
from search.vectors.read import unit_vectors
from search.vectors.sharded.searching import is_of_shards, reading_shards, require_document
from search.vectors.tables import VectorTable
from search.words.matching import lexemes_of
from workers.encoding.client import texts_encoded
from workers.inference.framing import FramedPicture, Framing
from workers.inference.words import holds_words
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.models import DocumentImage, Query, QueryPart
    from search.retrieval.types import Hit, SearchAnswer

    Floats = NDArray[np.float32]
    Score = Callable[[Floats], Floats]
    """From vectors `(n, dim)` to scores `(n,)`."""

EXPLAINED_MAX = 10
"""Hits of one answer that are explained at once, the best first."""


@dataclass(frozen=True)
class Side:
    """What carried the score of one thing: the words of a text, the regions of a picture, or nothing of a vector.

    `closeness`: of a part of the query, how many deviations above unrelated units what was found lies by it.
    """

    words: tuple[Word, ...] | None = None
    regions: Regions | None = None
    closeness: float | None = None


@dataclass(frozen=True)
class Why:
    """Why a hit was found: by each part of the query, and by what was found; `by_words`: by nothing but words."""

    parts: tuple[Side, ...]
    found: Side
    by_words: bool = False


def explain(query: Query, hit: Hit) -> Why:
    """Return why a hit was found; raises AppError `explanation.not_possible`, and of the encoding.

    Where nothing was compared by vectors, the words that both sides have are told alone.
    """
    encoded, found = keep.encoded_of(query), _stored(query, hit)
    if query.version is None or hit.unit is None:
        raise AppError("explanation.not_possible")
    if encoded is None or found is None:
        sides, unit = [_unweighed(part.text) for part in query.asked], _unweighed(text_of_hit(hit))
    else:
        places = range(len(query.asked))
        sides = [_of_part(encoded, place, query.asked[place], hit.kind, found) for place in places]
        unit = _of_unit(encoded, hit, found)
    by_words = encoded is None or not encoded.known.parts
    return _matched(Why(tuple(sides), unit, by_words), hit.document.collection.language)


def _unweighed(text: str) -> Side:
    return Side(words=tuple(words_of(text))) if text else Side()


def explain_answer(answer: SearchAnswer) -> dict[int, Why]:
    """Return why the best hits of an answer were found, by their documents' ids, as far as it can be told.

    Where the encoder does not answer, the rest stays unexplained: the answer itself is whole.
    """
    query = answer.unkept if answer.query_id is None else kept_query(answer.query_id)
    found: dict[int, Why] = {}
    for hit in answer.hits[:EXPLAINED_MAX] if query else ():
        try:
            found[hit.document.pk] = explain(cast("Query", query), hit)
        except AppError as error:
            if error.id != "explanation.not_possible" and not is_of_shards(error):
                break
    return found


def _stored(query: Query, hit: Hit) -> Floats | None:
    """Return the vector `(1, dim)` of what was found; None where it is gone.

    Raises AppError `shards.document_away` where it may lie on a server of vectors that is away.
    """
    if query.version is None or hit.unit is None:
        return None
    table = VectorTable(query.version.pk, hit.kind)
    if not table.exists():
        return None
    began, stored = time.monotonic(), partial(unit_vectors, query.version, hit.kind, [hit.unit.pk])
    vector = reading_shards(table, stored).get(hit.unit.pk)
    if vector is None:
        require_document([table], began)
    return None if vector is None else vector[None]


def _of_part(encoded: EncodedQuery, place: int, part: QueryPart, kind: str, found: Floats) -> Side:
    """Return what carried the score in one part of the query: of its words, or of its photo's small copy."""
    asked_with = encoded.parts[place]
    if asked_with.nothing_known:
        return _unweighed(part.text)
    side = _what_carried(encoded.version, asked_with, part, kind, found)
    return replace(side, closeness=_closeness(EncodedQuery(encoded.version, (asked_with,)), kind, found))


def _closeness(alone: EncodedQuery, kind: str, found: Floats) -> float | None:
    """Return how far above unrelated units what was found lies by one part; None among too few."""
    table = VectorTable(alone.version.pk, kind)
    if len(background(table)) < BACKGROUND_MIN:
        return None
    above = standardise(part_scores(alone, kind, found), alone, table)
    return round(float(above[0, 0]), 3)


def _what_carried(
    version: ModelVersion, asked_with: EncodedPart, part: QueryPart, kind: str, found: Floats
) -> Side:

    def score(vectors: Floats) -> Floats:
        asked = tuple(EncodedPart(asked_with.modality, vector[np.newaxis]) for vector in vectors)
        scores: Floats = part_scores(EncodedQuery(version, asked), kind, found)[0]
        return scores

    if part.text:
        return _of_text(version, part.text, score)
    if part.preview is None:
        return Side()
    with blob_open(part.preview) as file:
        picture = FramedPicture(file.read(), Framing(0, part.shown_crop))
    return _of_picture(version, picture, score)


def _of_unit(encoded: EncodedQuery, hit: Hit, found: Floats) -> Side:
    """Return what carried the score in what was found: of the passage's words, or of the picture."""
    asked, table = encoded.known, VectorTable(encoded.version.pk, hit.kind)
    weights = np.array([part.weight for part in asked.parts], np.float32)
    if not len(weights):
        return _unweighed(text_of_hit(hit))
    standard = standard_of(asked, table) if len(weights) > 1 else None

    def score(vectors: Floats, query: EncodedQuery = asked) -> Floats:
        scores = part_scores(query, hit.kind, vectors)
        return (standard.of(scores) if standard else scores) @ weights

    if span := span_of(hit.kind, hit.unit):
        return _of_text(encoded.version, span.text, score)
    if picture := picture_of(hit.kind, hit.unit):
        fitting = _of_best_vectors(asked, found)
        return _of_picture(
            encoded.version, FramedPicture(_file(picture)), lambda vectors: score(vectors, fitting)
        )
    return Side()


def _of_best_vectors(encoded: EncodedQuery, found: Floats) -> EncodedQuery:
    """Return the query with, of each part, the one vector that fits best: regions are compared with what scored."""
    if encoded.version.similarity == "order":
        return encoded
    parts = [
        replace(part, vectors=part.vectors[[int((part.vectors @ found[0]).argmax())]])
        for part in encoded.parts
    ]
    return replace(encoded, parts=tuple(parts))


def _of_text(version: ModelVersion, text: str, score: Score) -> Side:
    def scores(texts: Sequence[str]) -> Floats:
        """Return the score of each text; of one without words left, 0."""
        found = np.zeros(len(texts), np.float32)
        places = [place for place, one in enumerate(texts) if holds_words(one)]
        found[places] = score(texts_encoded(version, [texts[place] for place in places]))
        return found

    return Side(words=tuple(shares(text, scores)))


def _of_picture(version: ModelVersion, picture: FramedPicture, score: Score) -> Side:
    if not has_regions(version):
        return Side()
    return Side(regions=regions_of(version, picture, score))


def _file(image: DocumentImage) -> bytes:
    """Return a picture's large small copy, which decodes faster, else the picture."""
    with thumbnail_open(image.blob_id, LONGEST_SIDES_PX[-1]) or blob_open(image.blob) as file:
        data: bytes = file.read()
    return data


def text_of_hit(hit: Hit) -> str:
    """Return the words of what was found, "" where it has none."""
    span = span_of(hit.kind, hit.unit)
    return span.text if span else ""


def _matched(why: Why, language: str) -> Why:
    """Return it with the words marked of which the other side has a form."""
    asked = [word for side in why.parts for word in side.words or ()]
    found = why.found.words or ()
    if not asked or not found:
        return why
    lexemes = lexemes_of([word.text for word in (*asked, *found)], language)

    def marked(side: Side, others: Sequence[Word]) -> Side:
        if side.words is None:
            return side
        known = {lexemes[word.text] for word in others} - {()}
        words = tuple(replace(word, matched=lexemes[word.text] in known) for word in side.words)
        return replace(side, words=words)

    return replace(
        why, parts=tuple(marked(side, found) for side in why.parts), found=marked(why.found, asked)
    )
