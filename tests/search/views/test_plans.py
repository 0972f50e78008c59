"""What “How this was found” says."""

from __future__ import annotations

import pytest

from models_admin.models import ModelVersion
from search.models import Query
from search.retrieval.types import Plan
from search.views.plans import described, timings_named


def _said(plan: Plan, *, counted: bool = True, **fields) -> str:
    query = Query(**fields)
    query.asked = []
    return " ".join(described(query, plan, counted=counted))


@pytest.mark.parametrize(
    ("plan", "counted", "said"),
    [
        (Plan("exact", 48), True, "All passages that could be found were compared with your search"),
        (Plan("ann", 48, 48), True, "An index proposed up to 48 passages close to your search."),
        (Plan("ann", 48, 48), False, "An index proposed the likeliest passages close to your search."),
        (
            Plan("binary", 1200, 1000),
            True,
            "An index of rough copies proposed up to 1,200 passages; these were",
        ),
        (
            Plan("ternary", 192, 192),
            False,
            "An index of rough copies proposed the likeliest passages; these were",
        ),
    ],
)
def test_the_plan_that_ran_is_told(plan: Plan, counted: bool, said: str) -> None:
    assert said in _said(plan, counted=counted)


def test_the_number_of_an_exact_plan_is_not_told_for_it_counts_what_was_kept() -> None:
    assert "48" not in _said(Plan("exact", 48))


def test_an_order_embeddings_answer_does_not_claim_that_all_were_compared() -> None:
    said = _said(Plan("exact", 2000), version=ModelVersion(similarity="order"))
    assert "A fast measure picked up to 2,000 passages" in said
    assert "none was missed" not in said


def test_pictures_and_filters_are_named() -> None:
    filters = {"tags": ["pump", "red"], "metadata": {"kind": "valve"}}
    said = _said(Plan("exact", 48), target="images", filters=filters)
    assert "All pictures that could be found" in said
    assert "Only documents with the tag “pump” and the tag “red” and kind “valve” counted." in said
    assert "by its best picture." in said


def test_where_nothing_was_compared_nothing_else_is_said() -> None:
    warning = {"id": "text.nothing_known", "message": "No.", "detail": {}}
    said = _said(Plan("exact", 0), warnings=[warning])
    assert said == "Nothing was compared, because the model knows none of the words."


def test_times_are_those_of_the_search_under_names_that_say_what_happened() -> None:
    kept = {"encode": 2.0, "decode": 1.0, "total": 4.0, "transport": 0.5, "search": 0.5, "unknown": 9.0}
    assert timings_named(kept) == [
        ("Reading the photo", 1.0),
        ("The model", 2.0),
        ("To the model and back", 0.5),
        ("Comparing", 0.5),
        ("Together", 4.0),
    ]
