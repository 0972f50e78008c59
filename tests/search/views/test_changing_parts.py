"""What a form changes of a search's parts: errors beside the answer, signs, marks that stay behind, the mode's menu."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from retrieval_site.config import MIB
from retrieval_site.errors import AppError
from search import retrieval
from search.models import Query
from search.retrieval.types import Plan, SearchAnswer, SearchRequest
from search.views.parts import LESS_WEIGHT, WORDS_WEIGHT
from tests.support.corpus import make_collection
from tests.support.pages import kept_query, save_document, shown_page

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[SearchRequest]:
    """The requests that reach the door, which a worker would answer."""
    requests: list[SearchRequest] = []

    def search(request: SearchRequest) -> SearchAnswer:
        requests.append(request)
        return SearchAnswer(uuid.uuid4(), "text", "m@1", (), None, Plan("exact", 0), {})

    monkeypatch.setattr(retrieval, "search", search)
    return requests


@pytest.fixture
def query() -> Query:
    """A search for a valve that is not rusty."""
    found = kept_query([save_document(make_collection(), "a", title="Valve 7")])
    found.parts.create(modality="text", text="rusty", weight=LESS_WEIGHT, place=1)
    return found


@pytest.mark.parametrize(
    ("form", "error_id"),
    [
        ({"part": ["1"], "strength": ["1"], "text": "ru\0st", "add": "less"}, "text.not_text"),
        ({"text": "x" * 2001, "add": "more"}, "text.too_long"),
        ({"text": " ", "add": "more"}, "text.empty"),
        ({"part": ["0"], "strength": ["2"]}, "query.weight"),
    ],
)
def test_what_cannot_be_asked_is_said_beside_the_answer(
    client: Client, asked: list[SearchRequest], query: Query, form, error_id
) -> None:
    response = client.post(f"/q/{query.pk}/again/", form)
    page = shown_page(response)
    assert (response.status_code, asked) == (400, [])
    assert error_id in page
    assert "Valve 7" in page
    assert 'role="alert"' in page


@pytest.mark.parametrize("form", [{"add": "more"}, {"add": "less"}, {}, {"text": "a pump", "add": "more"}])
def test_an_empty_file_is_called_empty_beside_the_answer(
    client: Client, asked: list[SearchRequest], query: Query, form: dict[str, str]
) -> None:
    photo = SimpleUploadedFile("zero.jpg", b"", "image/jpeg")
    response = client.post(f"/q/{query.pk}/again/", {"image": photo, **form})
    page = shown_page(response)
    assert (response.status_code, asked) == (400, [])
    assert "image.empty" in page
    assert "Valve 7" in page


def test_what_the_search_refuses_keeps_the_words_that_were_typed(client: Client, query: Query) -> None:
    form = {"part": ["0", "1"], "strength": ["1", "1"], "flip": "0", "text": "a <pump>", "add": "less"}
    response = client.post(f"/q/{query.pk}/again/", form)
    page = shown_page(response)
    assert response.status_code == 400
    assert "query.only_negative" in page
    assert "Valve 7" in page
    assert 'value="a &lt;pump&gt;"' in page
    form = {"part": ["0", "1"], "strength": ["1", "1"], "text": "pump", "add": "more"}
    Query.objects.get(pk=query.pk).parts.model.objects.bulk_create(
        query.parts.model(query=query, place=place, modality="text", text="t") for place in range(2, 8)
    )
    response = client.post(f"/q/{query.pk}/again/", {"text": "pump", "add": "more"})
    assert "query.too_many_parts" in shown_page(response)
    assert 'value="pump"' in shown_page(response)


@pytest.mark.parametrize("error_id", ["encoder.unavailable", "document.not_encoded", "model.none_active"])
def test_what_cannot_be_answered_now_leaves_the_answer_where_it_is(
    client: Client, monkeypatch: pytest.MonkeyPatch, query: Query, error_id: str
) -> None:
    def refuse(request: SearchRequest) -> SearchAnswer:
        raise AppError(error_id)

    monkeypatch.setattr(retrieval, "search", refuse)
    response = client.post(f"/q/{query.pk}/again/", {"text": "a <pump>", "add": "more"})
    page = shown_page(response)
    assert response.status_code == AppError(error_id).status
    assert all(words in page for words in (error_id, "Valve 7", 'value="a &lt;pump&gt;"'))


def test_a_photo_too_large_to_be_read_is_said_beside_the_answer(
    client: Client, settings: Any, query: Query
) -> None:
    settings.CONFIG = replace(settings.CONFIG, picture_max_bytes=1000)

    def sent(query_id: uuid.UUID) -> tuple[int, bool, bool]:
        photo = SimpleUploadedFile("large.jpg", b"x" * 2 * MIB, "image/jpeg")
        response = client.post(f"/q/{query_id}/again/", {"image": photo, "add": "more"})
        page = shown_page(response)
        return response.status_code, "image.too_large" in page, "Valve 7" in page

    assert sent(query.pk) == (413, True, True)
    assert sent(uuid.uuid4()) == (413, True, False)
    settings.CONFIG = replace(settings.CONFIG, anonymous_search=False)
    assert sent(query.pk) == (413, True, False)


def test_a_search_that_is_gone_has_no_answer_to_say_it_beside(client: Client) -> None:
    assert client.post(f"/q/{uuid.uuid4()}/again/", {"text": "pump"}).status_code == 404


@pytest.mark.parametrize(
    ("place", "strength", "weight"),
    [("1", "1", WORDS_WEIGHT), ("0", "0.9", LESS_WEIGHT), ("0", "0.5", -0.5), ("1", "0.3", 0.3)],
)
def test_a_part_that_changes_its_sign_counts_as_such_a_part_is_added(
    client: Client, asked: list[SearchRequest], query: Query, place, strength, weight
) -> None:
    strengths = ["0.7", "0.7"]
    strengths[int(place)] = strength
    form = {"part": ["0", "1"], "strength": strengths, "flip": place}
    client.post(f"/q/{query.pk}/again/", form)
    assert asked[0].parts[int(place)].weight == weight


def test_a_changed_search_says_that_marks_do_not_move_it(
    client: Client, asked: list[SearchRequest], query: Query
) -> None:
    moved = kept_query([], marked=query, marks={"relevant": [1], "not_relevant": []})
    german = {"Accept-Language": "de"}
    client.post(f"/q/{moved.pk}/again/", {"text": "green", "add": "more"}, headers=german)
    client.post(f"/q/{query.pk}/again/", {"text": "green", "add": "more"})
    (note,), none = asked[0].notes, asked[1].notes
    assert (note["id"], note["detail"], none) == ("marks.left_behind", {"query": str(moved.pk)}, ())
    shown = kept_query([], warnings=[note])
    page = shown_page(client.get(f"/q/{shown.pk}/"))
    assert note["message"].startswith("Your marks do not move this search")
    assert note["message"] in page
    assert f'href="/q/{moved.pk}/"' in page
    assert "Ihre Markierungen verschieben diese Suche nicht" in shown_page(
        client.get(f"/q/{shown.pk}/", headers=german)
    )


def test_how_words_are_matched_is_chosen_where_words_alone_are_asked(client: Client, query: Query) -> None:
    words, photo = kept_query([]), kept_query([], modality="image", text="")
    assert 'id="mode"' in shown_page(client.get(f"/q/{words.pk}/"))
    for other in (photo, query):
        assert 'id="mode"' not in shown_page(client.get(f"/q/{other.pk}/"))
