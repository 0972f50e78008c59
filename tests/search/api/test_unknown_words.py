"""Words that the model does not know, over HTTP and through a real query worker."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from search.models import Collection, Passage
from tests.search.api.test_schema import assert_described
from tests.support.corpus import kept_tiny_version, make_collection, make_documents, store
from workers.encoding.client import encode_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("query_worker")]
SEARCH = "/api/v1/search/"


@pytest.fixture
def corpus(tmp_path) -> None:
    version = kept_tiny_version(tmp_path)
    (row,) = make_documents(make_collection(), 1)
    Passage.objects.filter(pk=row.pk).update(text="a red pump")
    store(version, [row], encode_text(version, "a red pump").vector[None, :])


def test_an_answer_names_the_words_that_do_not_count(corpus: None) -> None:
    response = APIClient().post(SEARCH, {"text": "Ein red Zylinder"})
    assert_described(response, SEARCH, "post")
    answer = response.json()
    assert answer["unknown_words"] == ["Ein", "Zylinder"]
    assert [hit["rank"] for hit in answer["results"]] == [1]
    assert answer["warnings"] == [
        {
            "id": "text.unknown_words",
            "message": "The model does not know “Ein”, “Zylinder”; it searched for the rest.",
            "detail": {"unknown_words": ["Ein", "Zylinder"]},
        }
    ]
    assert APIClient().get(f"{SEARCH}{answer['query']['id']}/").json()["warnings"] == answer["warnings"]


def test_words_of_which_none_is_known_find_nothing(corpus: None) -> None:
    answer = APIClient().post(SEARCH, {"text": "der Zylinder"}).json()
    assert (answer["results"], answer["next"], answer["unknown_words"]) == ([], None, ["der", "Zylinder"])
    assert [warning["id"] for warning in answer["warnings"]] == ["text.nothing_known"]


@pytest.mark.parametrize("mode", ["auto", "dense", "lexical"])
@pytest.mark.parametrize("text", ["the of and", "🔧", "🙂🙂 !", "→ €"])
def test_what_says_nothing_finds_nothing(corpus: None, text: str, mode: str) -> None:
    answer = APIClient().post(SEARCH, {"text": text, "mode": mode}).json()
    assert (answer["results"], answer["match"]) == ([], "none")


def test_words_that_say_nothing_in_the_language_of_the_collections_find_nothing(corpus: None) -> None:
    Collection.objects.update(language="german")
    answer = APIClient().post(SEARCH, {"text": "with der und"}).json()
    assert answer["results"] == []
    answer = APIClient().post(SEARCH, {"text": "on photo"}).json()
    assert len(answer["results"]) == 1


def test_beside_a_photo_words_that_say_nothing_are_left_out_and_told(corpus: None) -> None:
    parts = [{"text": "a red pump"}, {"text": "the of"}]
    answer = APIClient().post(SEARCH, {"parts": parts}).json()
    assert [warning["id"] for warning in answer["warnings"]] == ["text.unknown_words"]
    assert "left out" in answer["warnings"][0]["message"]
    assert len(answer["results"]) == 1


@pytest.mark.parametrize("weight", [0.5, -0.5])
def test_of_several_parts_one_that_is_not_known_is_not_the_whole_search(corpus: None, weight: float) -> None:
    parts = [{"text": "a red pump"}, {"text": "Zylinder", "weight": weight}]
    answer = APIClient().post(SEARCH, {"parts": parts, "mode": "dense"}).json()
    assert [warning["id"] for warning in answer["warnings"]] == ["text.unknown_words"]
    assert (len(answer["results"]), answer["unknown_words"]) == (1, ["Zylinder"])


@pytest.mark.parametrize("other", [{"text": "blue", "weight": -1}, {"document": 1}])
def test_words_alone_leave_no_part_out_unsaid(corpus: None, other: dict[str, Any]) -> None:
    response = APIClient().post(SEARCH, {"parts": [{"text": "a red pump"}, other], "mode": "lexical"})
    assert (response.status_code, response.json()["error"]["id"]) == (400, "parameter.invalid")
    assert "words alone" in response.json()["error"]["message"]


@pytest.mark.parametrize("text", ["?!.", "…", "--"])
def test_punctuation_alone_is_refused(corpus: None, text: str) -> None:
    response = APIClient().post(SEARCH, {"text": text})
    assert (response.status_code, response.json()["error"]["id"]) == (400, "text.empty")
