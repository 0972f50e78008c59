from __future__ import annotations

import pytest

from search.models import Document, Passage
from search.retrieval.types import Hit, Plan, SearchAnswer
from search.views.cards import Excerpt, bar_percent, cards, excerpt, facts


def test_an_excerpt_is_the_passage_between_whole_words_of_its_context() -> None:
    body = "One two three. The passage itself. Four five six."
    assert excerpt(body, 15, 34, around=9) == Excerpt("three. ", "The passage itself.", " Four", True, True)


def test_an_excerpt_at_the_ends_of_a_text_is_not_cut() -> None:
    found = excerpt("The passage. And more.", 0, 12)
    assert found == Excerpt("", "The passage.", " And more.")
    assert found.has_context


def test_a_passage_that_is_the_whole_text_has_no_context() -> None:
    assert not excerpt("All of it.", 0, 10).has_context


@pytest.mark.parametrize(
    ("score", "similarity", "percent"),
    [
        (0.612, "cosine", 61.2),
        (-0.2, "cosine", 0),
        (1.0001, "cosine", 100),
        (-0.25, "order", 75),
        (-3, "order", 0),
    ],
)
def test_the_bar_of_an_older_answer_is_as_full_as_the_score_says(
    score: float, similarity: str, percent: float
) -> None:
    assert bar_percent(Hit(1, score, None), similarity) == percent


def test_the_bar_is_the_relevance_where_it_is_known_and_a_step_where_only_a_word_is() -> None:
    assert bar_percent(Hit(1, 0.2, None, relevance=0.734, strength="strong"), "cosine") == 73.4
    assert bar_percent(Hit(1, 0.9, None, strength="fair"), "cosine") == 60


def test_facts_are_metadata_as_people_write_it() -> None:
    metadata = {
        "part_number": 7,
        "spare": True,
        "none": None,
        "empty": [],
        "sizes": [1, "2"],
        "deep": {"a": [1]},
        "blank": "",
    }
    assert facts(metadata) == [
        ("Part number", "7"),
        ("Spare", "yes"),
        ("Sizes", "1, 2"),
        ("Deep", '{"a": [1]}'),
    ]


def _document(**fields: object) -> Document:
    return Document(pk=1, title="Pump", **fields)


def _card(document: Document, passage: Passage | None):
    hit = Hit(1, 0.5, document, passage)
    answer = SearchAnswer("id", "text", "m@1", (hit,), None, Plan("exact", 1), {})
    return cards(answer.hits, answer.query_id, "cosine", {})[0]


@pytest.mark.django_db
def test_tags_that_the_facts_say_already_are_left_out() -> None:
    document = _document(tags=["rusty", "urgent"], metadata={"condition": "Rusty"})
    assert _card(document, None).tags == ["urgent"]


@pytest.mark.django_db
def test_a_document_found_by_its_title_alone_shows_no_passage_twice() -> None:
    assert _card(_document(), Passage(start=0, end=0, text="Pump")).excerpt is None


@pytest.mark.django_db
def test_a_passage_whose_text_has_moved_on_is_shown_as_it_was_found() -> None:
    card = _card(_document(body="Other words now."), Passage(start=0, end=5, text="Older"))
    assert card.excerpt == Excerpt("", "Older", "")


@pytest.mark.django_db
def test_a_hit_by_picture_shows_how_its_text_begins() -> None:
    assert _card(_document(body="Short body."), None).excerpt == Excerpt("", "Short body.", "")


@pytest.mark.django_db
def test_a_passage_of_a_body_too_long_to_be_fetched_is_shown_alone() -> None:
    card = _card(_document(body=""), Passage(start=5, end=10, text="Found"))
    assert card.excerpt == Excerpt("", "Found", "")
