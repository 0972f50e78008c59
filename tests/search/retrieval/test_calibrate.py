"""From scores to relevance and whether anything matches."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from retrieval_site.errors import AppError
from search.relevance.curve import Curve
from search.relevance.evidence import Scale, Space
from search.relevance.fitted import Fitted
from search.relevance.stored import Calibrated
from search.retrieval import calibrate as stage
from search.retrieval.calibrate import calibrate
from search.retrieval.types import Candidates, EncodedPart, EncodedQuery, Plan, Scope, Unit
from search.vectors.tables import VectorTable

SCOPE = Scope(VectorTable(1, "passage"), (1,))
QUERY = EncodedQuery(
    SimpleNamespace(pk=1, key="m@1", dim=4), (EncodedPart("image", np.eye(4, dtype=np.float32)[:1]),)
)
FITTED = Fitted(
    similarity="cosine",
    scale=Scale(closeness=0.0, closeness_deviation=1.0, familiarity=0.0, familiarity_deviation=1e9),
    line=1.0,
    strong=2.0,
    curve=Curve(slope=1.0, intercept=-1.0),
    source="pairs",
    queries=100,
    labels=200,
    relevant=100,
    error=0.0,
    familiarity="odds",
)
CALIBRATED = Calibrated(FITTED, Space(np.zeros(4, np.float32), np.zeros((1, 4), np.float32)))


@pytest.fixture
def calibrated(monkeypatch):
    monkeypatch.setattr(stage, "calibration_for", lambda *_: CALIBRATED)


@pytest.fixture
def uncalibrated(monkeypatch):
    monkeypatch.setattr(stage, "calibration_for", lambda *_: None)
    monkeypatch.setattr(stage, "background", lambda _: np.zeros((500, 4)))


def of_distances(*distances: float) -> Candidates:
    """Units whose evidence is −log of their distance."""
    units = (Unit(place, place, 1 - each) for place, each in enumerate(distances))
    return Candidates(tuple(units), Plan("exact", 48), exhausted=False)


def of_deviations(*deviations: float | None, found_by: tuple[str, ...] = ()) -> Candidates:
    units = (Unit(place, place, 0.5, each, found_by) for place, each in enumerate(deviations))
    return Candidates(tuple(units), Plan("exact", 48), exhausted=True)


@pytest.mark.usefixtures("calibrated")
def test_a_hits_relevance_is_its_place_on_the_curve_and_its_strength_where_the_line_is() -> None:
    ranking = calibrate(of_distances(np.exp(-2.5), np.exp(-1.5), np.exp(-0.5)), QUERY, SCOPE)
    expected = [round(1 / (1 + np.exp(1 - each)), 3) for each in (2.5, 1.5, 0.5)]
    assert [one.relevance for one in ranking.documents] == expected
    assert [one.strength for one in ranking.documents] == ["strong", "fair", "weak"]
    assert ranking.match == "good"


@pytest.mark.usefixtures("calibrated")
@pytest.mark.parametrize(("evidence", "match"), [(2.1, "good"), (1.1, "weak"), (0.9, "none")])
def test_an_answer_matches_as_its_best_hit_does(evidence: float, match: str) -> None:
    assert calibrate(of_distances(np.exp(-evidence), 1.0), QUERY, SCOPE).match == match


@pytest.mark.usefixtures("calibrated")
def test_documents_below_the_least_relevance_are_left_out_and_end_the_answer() -> None:
    found = of_distances(np.exp(-2.5), np.exp(-1.5), np.exp(-0.5))
    ranking = calibrate(found, QUERY, SCOPE, min_relevance=0.6)
    assert [one.document_id for one in ranking.documents] == [0, 1]
    assert not ranking.more
    assert calibrate(found, QUERY, SCOPE, min_relevance=0.1).more


@pytest.mark.usefixtures("uncalibrated")
def test_without_a_calibration_a_hit_has_a_word_and_no_probability() -> None:
    ranking = calibrate(of_deviations(4.0, 2.5, 1.0), QUERY, SCOPE)
    assert [(one.relevance, one.strength) for one in ranking.documents] == [
        (None, "strong"),
        (None, "fair"),
        (None, "weak"),
    ]
    assert ranking.match == "good"
    assert calibrate(of_deviations(1.5, 1.0), QUERY, SCOPE).match == "none"


@pytest.mark.usefixtures("uncalibrated")
def test_without_a_calibration_no_least_relevance_can_be_held() -> None:
    with pytest.raises(AppError) as refused:
        calibrate(of_deviations(4.0), QUERY, SCOPE, min_relevance=0.5)
    assert refused.value.id == "relevance.unknown"


@pytest.mark.usefixtures("uncalibrated")
def test_among_few_units_nothing_is_said(monkeypatch) -> None:
    monkeypatch.setattr(stage, "background", lambda _: np.zeros((20, 4)))
    ranking = calibrate(of_deviations(1.0, 0.5), QUERY, SCOPE)
    assert {one.strength for one in ranking.documents} == {None}
    assert ranking.match is None


@pytest.mark.usefixtures("calibrated")
def test_an_identifier_is_relevant_and_words_are_a_match_whatever_the_vectors_say() -> None:
    exact = Unit(1, 1, 1.0 - 1.0, None, ("identifiers",))
    words = Unit(2, 2, 1.0 - 1.0, None, ("lexical",))
    ranking = calibrate(Candidates((exact, words), Plan("exact", 2), exhausted=True), QUERY, SCOPE)
    assert (ranking.documents[0].relevance, ranking.documents[0].strength) == (1.0, "strong")
    assert ranking.documents[1].strength == "weak"  # the other was looked for
    alone = calibrate(Candidates((words,), Plan("exact", 1), exhausted=True), QUERY, SCOPE)
    assert (alone.documents[0].strength, alone.match) == ("fair", "weak")


@pytest.mark.usefixtures("uncalibrated")
def test_of_several_parts_only_what_has_most_of_all_is_strong() -> None:
    two = replace(QUERY, parts=(*QUERY.parts, replace(QUERY.parts[0], weight=0.9)))
    units = tuple(Unit(row, row, score, 4.0) for row, score in enumerate((0.8, 0.5)))
    found = Candidates(units, Plan("exact", 2), exhausted=True)
    assert [one.strength for one in calibrate(found, two, SCOPE).documents] == ["strong", "fair"]
    assert [one.strength for one in calibrate(found, QUERY, SCOPE).documents] == ["strong", "strong"]


@pytest.mark.usefixtures("uncalibrated")
def test_an_answer_without_hits_matches_nothing() -> None:
    assert calibrate(of_deviations(), QUERY, SCOPE).match == "none"
