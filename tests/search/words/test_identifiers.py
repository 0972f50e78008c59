"""Which identifiers a document names, and which a search may mean."""

from __future__ import annotations

import pytest

from search.words.identifiers import (
    LENGTH_MAX,
    asked_identifiers,
    identifiers_of,
    normalised,
    not_within_others,
)


def in_text(text):
    return set(identifiers_of("x", "", text, {})) - {"x"}


@pytest.mark.parametrize("written", ["KX-204/B", "kx204b", "KX 204 B", "kx.204.b", "Kx_204-b"])
def test_however_it_is_written_it_is_one_identifier(written):
    assert normalised(written) == "kx204b"
    assert asked_identifiers(written)[0] == "kx204b"
    assert "kx204b" in asked_identifiers(f"where is the {written} of the pump")


@pytest.mark.parametrize("written", ["KX-204/B", "kx204b", "KX 204 B", "KX 204/B", "kx-204.b"])
def test_a_text_names_it_in_each_of_these_ways(written):
    assert "kx204b" in in_text(f"The seal ({written}) fits.")


def test_each_run_of_up_to_six_parts_of_a_code_counts():
    assert in_text("AB 1 2 C") == {"ab1", "ab12", "ab12c", "12c"}
    assert max(map(len, in_text("A 1 A 1 A 1 A 1"))) == 6


def test_words_and_numbers_that_only_stand_beside_each_other_name_nothing():
    assert in_text("See page 12 of the manual, 3 bolts, in 2019 we") == set()


def test_ids_count_whole_and_metadata_where_it_has_a_digit():
    metadata = {
        "colour": "red",
        "serial": 4711,
        "ean": "4 006381 333931",
        "more": [{"part": "A/1"}],
        "new": True,
    }
    assert identifiers_of("Manual", "", "", metadata) == {
        "manual": "external",
        "4711": "metadata",
        "4006381333931": "metadata",
        "a1": "metadata",
    }


def test_what_stands_in_two_places_counts_by_the_firmer_one():
    assert identifiers_of("KX-1", "KX 1", "about kx1", {"part": "kx-1"}) == {"kx1": "external"}


def test_short_numbers_inside_words_ask_for_nothing_but_alone_they_do():
    assert "12" not in asked_identifiers("12 bolts")
    assert asked_identifiers("12") == ["12"]
    assert "4711" in asked_identifiers("seal 4711")


def test_a_hostile_text_costs_no_more_than_its_length():
    assert len(asked_identifiers("a1 " * 700)) <= 301
    assert len(identifiers_of("x", "", " ".join(f"A{n}" for n in range(20_000)), {})) <= 2000
    assert all(len(value) <= LENGTH_MAX for value in identifiers_of("x", "", "a1-" * 100_000, {}))
    assert identifiers_of("x" * 200, "", "", {}) == {}


@pytest.mark.parametrize(
    ("text", "values", "meant"),
    [
        ("KX-204/B", {"kx204b", "kx204"}, {"kx204b"}),
        ("KX-20 and KX-204", {"kx20", "kx204"}, {"kx20", "kx204"}),
        ("KX-204 and KX-20", {"kx20", "kx204"}, {"kx20", "kx204"}),
        ("KX-204", {"kx20", "kx204"}, {"kx204"}),
        ("KX-2O4", {"kx20", "kx204"}, {"kx204"}),  # look-alikes, of which neither was read
    ],
)
def test_what_stands_by_itself_is_meant_beside_a_longer_one(text, values, meant):
    assert not_within_others(values, [normalised(text)]) == meant
