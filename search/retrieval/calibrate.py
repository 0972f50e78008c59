"""Calibrate: from scores to the probability that a document is relevant, and whether any is.

Where the version has a calibration, it is asked. Else a score is told from those of unrelated units, in words: how
many deviations it stands above the query's scores over the table's background is no probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval_site.errors import AppError
from search.relevance.stored import calibration_for
from search.retrieval.types import STRENGTHS, RankedDocument, Ranking
from search.vectors.background import background

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.relevance.stored import Calibrated
    from search.retrieval.types import Candidates, EncodedQuery, Match, Scope, Strength, Unit

SCORE_DECIMALS = 6
"""What is shown, and kept to be shown again."""
RELEVANCE_DECIMALS = 3
STRONG_DEVIATIONS, FAIR_DEVIATIONS = 3.5, 2.0
STRONG_SHARE = 0.55
"""Of all that several parts ask for, what a strong hit has at least: below it, one part is hardly there. Of the first
ten of the demo's notes for 60 drawings (seed 901) with each other word, it leaves three in four of those strong that
have everything, and one in three that lack one of kind, colour and condition.
"""
BACKGROUND_MIN = 100
"""Units that a score is told from, at least: the best of few is never far above their mean."""
FARTHEST = -1.0
_MATCHES: dict[Strength, Match] = {"strong": "good", "fair": "weak", "weak": "none"}


@dataclass(frozen=True)
class _Said:
    """What is known of a hit; of one among few units, nothing."""

    strength: Strength | None = None
    relevance: float | None = None


def calibrate(
    grouped: Candidates, query: EncodedQuery, scope: Scope, min_relevance: float | None = None
) -> Ranking:
    """Return the ranking of documents by their best units, each with its relevance where it is known.

    With `min_relevance`, those below are left out; raises AppError `relevance.unknown` where it is not known.
    """
    calibrated = _calibration(query, scope)
    if min_relevance is not None and calibrated is None:
        raise AppError("relevance.unknown", model=query.version.key)
    if calibrated:
        said = _by_curve(grouped.units, query, calibrated)
    elif len(background(scope.table)) >= BACKGROUND_MIN:
        composed = len(query.known.parts) > 1
        said = [_by_deviations(unit, composed=composed) for unit in grouped.units]
    else:
        said = [_Said()] * len(grouped.units)
    named = any("identifiers" in unit.found_by for unit in grouped.units)
    said = [_with_words(unit, each, named=named) for unit, each in zip(grouped.units, said, strict=True)]
    documents = [
        RankedDocument(
            unit.document_id,
            unit.unit_id,
            round(unit.score, SCORE_DECIMALS),
            each.relevance,
            each.strength,
            by_vectors=unit.by_vectors,
        )
        for unit, each in zip(grouped.units, said, strict=True)
    ]
    kept = [one for one in documents if min_relevance is None or (one.relevance or 0) >= min_relevance]
    all_kept = len(kept) == len(documents)
    return Ranking(
        tuple(kept),
        scope.table.kind,
        grouped.plan,
        more=not grouped.exhausted and all_kept,
        match=match_of([one.strength for one in documents]),
    )


def match_of(strengths: Sequence[Strength | None]) -> Match | None:
    """Return whether anything fits, by the best hit: none without hits, and None where nothing is known of any."""
    if not strengths:
        return "none"
    known = [strength for strength in strengths if strength is not None]
    return _MATCHES[max(known, key=STRENGTHS.index)] if known else None


def _calibration(query: EncodedQuery, scope: Scope) -> Calibrated | None:
    """Return the calibration of searches with one vector; several, or a weight, give scores of another kind, and so
    does a vector that marks moved.
    """
    if query.moved or len(query.parts) != 1 or query.parts[0].weight != 1 or len(query.parts[0].vectors) != 1:
        return None
    return calibration_for(query.version, scope.table.kind, query.parts[0].modality, scope.collections)


def _by_curve(units: Sequence[Unit], query: EncodedQuery, calibrated: Calibrated) -> list[_Said]:
    fitted = calibrated.fitted
    scores = np.array([_by_vectors(unit) for unit in units], dtype=np.float64)
    evidence = calibrated.evidence(scores, query.parts[0].vectors[0])
    relevance = fitted.curve.of(evidence).round(RELEVANCE_DECIMALS).tolist()
    strengths = (_level(value, fitted.strong, fitted.line) for value in evidence.tolist())
    return [_Said(*each) for each in zip(strengths, relevance, strict=True)]


def _by_deviations(unit: Unit, *, composed: bool) -> _Said:
    if unit.standard is None:
        return _Said()
    strength = _level(unit.standard, STRONG_DEVIATIONS, FAIR_DEVIATIONS)
    lacks_something = composed and _by_vectors(unit) < STRONG_SHARE
    return _Said("fair" if strength == "strong" and lacks_something else strength)


def _with_words(unit: Unit, said: _Said, *, named: bool) -> _Said:
    """Return what is known of a hit that words found, too: no less relevant one, whose probability nobody fitted.

    An identifier as it was written, and the words themselves, need no vector close by. Where an identifier `named` a
    document, the other words alone make none relevant: that one was looked for.
    """
    if "identifiers" in unit.found_by:
        return _Said("strong", 1.0)
    by_words_alone = "lexical" in unit.found_by and said.strength in (None, "weak")
    return _Said("weak" if named else "fair") if by_words_alone else said


def _by_vectors(unit: Unit) -> float:
    """Return a unit's score by vectors; as far as can be where it has none."""
    if not unit.found_by:
        return unit.score
    return FARTHEST if unit.by_vectors is None else unit.by_vectors


def _level(value: float, strong: float, fair: float) -> Strength:
    if value >= strong:
        return "strong"
    return "fair" if value >= fair else "weak"
