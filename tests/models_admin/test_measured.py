"""What a bundle and its validation say, as people read it."""

from __future__ import annotations

from models_admin.measured import COLUMNS, ValidationFact, reported_quality, validation_facts

PLACES = {
    "queries": 480,
    "r1": 97.91666,
    "r5": 99.4,
    "r10": 99.8,
    "mrr": 98.5,
    "ndcg10": 98.2,
    "median_rank": 1.0,
}


def test_each_split_and_direction_is_a_row():
    metrics = {
        "validation": {"image_to_text": {**PLACES, "p3": 1.0}, "ties": "worst", "sum_of_recalls": 595.6}
    }
    (row,) = reported_quality(metrics)
    assert row[:4] == ("validation", "pictures → texts", "480", "97.9")
    assert len(row) == 2 + len(COLUMNS)


def test_what_nobody_explains_stays_away():
    assert reported_quality({"loss": 3.0, "validation": {"something": {"r1": 1.0}}}) == []
    assert validation_facts({"probes": {"sound": {"mean_cosine": 0.1}}, "new": {"thing": 1}}) == []


def test_a_value_that_is_no_number_is_a_dash():
    (row,) = reported_quality({"test": {"text_to_image": {"r1": None, "queries": True}}})
    assert set(row[2:]) == {"–"}


def test_probes_are_said_with_what_they_mean():
    report = {
        "probes": {"image": {"precision": "f32", "mean_cosine": 0.3086, "batch_agreement": 1.0, "probes": 8}},
        "isolation": {"is_tight": True, "network": True},
        "seconds": {"graphs": 0.6, "unpack": 0.4},
    }
    facts = {fact.name: fact for fact in validation_facts(report)}
    assert facts["pictures, how alike"] == ValidationFact(
        "pictures, how alike",
        "0.31",
        "mean cosine of different ones: near 1, everything looks the same to it",
    )
    assert facts["validation took"].value == "1.0 s"
    assert facts["opened behind walls"].value == "yes"
