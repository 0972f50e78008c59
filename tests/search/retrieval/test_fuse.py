"""One score of several retrievers: what the vectors say in deviations, plus what the words say."""

from __future__ import annotations

import numpy as np
import pytest

from search.retrieval.fuse import fuse
from search.retrieval.scoring import standardise, unit_scores
from search.retrieval.types import Candidates, EncodedPart, EncodedQuery, Plan, Unit
from search.vectors.background import backgrounds_forget
from search.vectors.tables import VectorTable
from tests.support.corpus import clustered

pytestmark = pytest.mark.django_db
DIM = 16
PLAN = Plan("exact", 48)


@pytest.fixture
def query(version):
    backgrounds_forget()
    return EncodedQuery(version, (EncodedPart("text", clustered(1, DIM, seed=9)),))


def found(retriever, *units, exhausted=True, plan=PLAN):
    return Candidates(tuple(units), plan, exhausted, retriever=retriever)


def test_a_unit_has_its_standardised_score_and_that_of_its_words(version, passages, query):
    table = VectorTable(version.pk, "passage")
    ids = [passage.pk for passage in passages[:3]]
    scores = unit_scores(query, table, ids)
    standard = standardise(scores, query, table)[:, 0]
    expected = standard + np.array([0, 1.5, 2.5])
    near = [Unit(ids[place], place + 1, float(scores[place, 0]), float(standard[place])) for place in (0, 1)]
    dense = found("dense", *near)
    lexical = found("lexical", Unit(ids[1], 2, 1.5), Unit(ids[2], 3, 2.5), exhausted=False)
    fused = fuse([lexical, dense], query, table)
    by_id = {unit.unit_id: unit for unit in fused.units}
    assert np.allclose([by_id[one].standard for one in ids], expected, atol=1e-4)
    assert [by_id[one].found_by for one in ids] == [("dense",), ("lexical", "dense"), ("lexical",)]
    ranked = sorted(ids, key=lambda one: by_id[one].standard)
    assert ranked == sorted(ids, key=lambda one: by_id[one].score)
    assert all(0 < unit.score < 1 for unit in fused.units)
    assert (fused.plan.kind, fused.plan.retrievers, fused.exhausted) == (
        "exact",
        ("lexical", "dense"),
        False,
    )


def test_an_exact_identifier_stands_before_all_that_words_can_say(version, passages, query):
    named, worded = passages[0], passages[1]
    fused = fuse(
        [
            found("identifiers", Unit(named.pk, 1, 1.0)),
            found("lexical", Unit(worded.pk, 2, 500.0)),
            found("dense"),
        ],
        query,
        VectorTable(version.pk, "passage"),
    )
    best = max(fused.units, key=lambda unit: unit.score)
    assert (best.unit_id, best.score > 1, best.found_by) == (named.pk, True, ("identifiers",))


def test_what_has_no_vector_yet_counts_as_any_other(version, passages, query):
    table = VectorTable(version.pk, "passage")
    fused = fuse([found("lexical", Unit(10**9, 7, 2.0)), found("dense")], query, table)
    assert fused.units[0].standard == 2.0


def test_what_words_alone_found_counts_as_the_last_that_several_parts_found(version, passages, query):
    asked = EncodedQuery(version, (*query.parts, EncodedPart("text", clustered(1, DIM, seed=8))))
    near = [Unit(passages[place].pk, place, 0.5, 3.0 - place) for place in (0, 1)]
    lexical = found("lexical", Unit(passages[2].pk, 2, 0.25))
    fused = fuse([lexical, found("dense", *near)], asked, VectorTable(version.pk, "passage"))
    by_id = {unit.unit_id: unit.standard for unit in fused.units}
    assert [by_id[passages[place].pk] for place in range(3)] == [3.0, 2.0, 2.25]


def test_identifiers_of_words_and_of_the_photo_both_count(version, passages, query):
    read, typed = passages[0], passages[1]
    fused = fuse(
        [
            found("identifiers", Unit(read.pk, 1, 1.0)),
            found("identifiers", Unit(typed.pk, 2, 1.0)),
            found("dense"),
        ],
        query,
        VectorTable(version.pk, "passage"),
    )
    assert {unit.unit_id: unit.found_by for unit in fused.units} == {
        read.pk: ("identifiers",),
        typed.pk: ("identifiers",),
    }
