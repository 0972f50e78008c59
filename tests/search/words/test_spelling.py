"""Misspelt words are mended by what the searched collections themselves say."""

from __future__ import annotations

import pytest

from search.words.spelling import edit_distance, mended, misspelt
from search.words.terms import look_up
from search.words.vocabulary import vocabularies_refresh
from tests.support.corpus import make_collection
from tests.support.words import write


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("vlave", "valve", 1), ("craked", "cracked", 1), ("pump", "pumps", 1), ("abc", "xyz", 3), ("", "ab", 2)],
)
def test_neighbours_that_changed_places_are_one_edit(one, other, distance):
    assert edit_distance(one, other) == edit_distance(other, one) == distance


def test_only_misspelt_words_are_replaced_and_capitals_stay():
    assert mended("A Craked vlave!", {"craked": "cracked", "vlave": "valve"}) == "A Cracked valve!"


@pytest.fixture
def notes(db):
    collection = make_collection("notes")
    write(collection, "A cracked valve.", "The valve leaks.", "A vale of tears.", "The gasket, torn.")
    vocabularies_refresh()
    return collection


def right(text, *collections, known=()):
    return misspelt(look_up(text, [one.pk for one in collections]), lambda word: word in known)


def test_the_nearest_and_then_the_most_frequent_word_is_meant(notes):
    assert right("craked vlave", notes) == {"craked": "cracked", "vlave": "valve"}


@pytest.mark.parametrize(
    "text",
    ["valves", "cracking", "the", "xylophone", "val", "gaskat7", "4711", "välve"],
    ids=["plural", "other form", "stop word", "nothing near", "too short", "identifier", "number", "accent"],
)
def test_what_is_right_or_no_word_is_left_alone(notes, text):
    assert right(text, notes) == {}


def test_a_word_that_the_model_knows_is_left_alone(notes):
    assert right("gaskets casket", notes) == {"casket": "gasket"}
    assert right("gaskets casket", notes, known={"casket"}) == {}


def test_a_word_of_four_letters_is_mended_only_where_two_changed_places(notes):
    write(notes, "belt and pump")
    vocabularies_refresh()
    assert right("bolt pmup", notes) == {"pmup": "pump"}


def test_a_word_of_a_document_that_was_not_counted_yet_is_no_mistake(notes):
    write(notes, "A valfe, whatever that is.")
    assert look_up("valfe", [notes.pk]).not_counted == ("valfe",)
    assert right("valfe", notes) == {}


def test_a_collection_that_is_not_searched_proposes_nothing(notes):
    other = make_collection("private", visibility="private")
    write(other, "Project Zephyrion is secret.")
    vocabularies_refresh()
    assert right("zephyrian", notes) == {}
    assert right("zephyrian", notes, other) == {"zephyrian": "zephyrion"}
