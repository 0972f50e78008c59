"""`explain` and `collapse` over HTTP, through a real query worker."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rest_framework.test import APIClient

from search.models import Collection, Passage
from search.retrieval import explain
from search.vectors.background import backgrounds_forget
from tests.search.api.test_schema import assert_described
from tests.support.corpus import (
    cells_version,
    in_a_corner,
    kept_tiny_version,
    make_collection,
    make_documents,
    store,
)
from tests.support.words import write
from workers.encoding.client import encode_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("query_worker")]
SEARCH = "/api/v1/search/"
TEXTS = ("a red pump in the hall", "a blue valve in the hall", "A red pump in the hall.")


@pytest.fixture
def documents(tmp_path):
    version = kept_tiny_version(tmp_path)
    rows = make_documents(make_collection(), len(TEXTS))
    for row, text in zip(rows, TEXTS, strict=True):
        Passage.objects.filter(pk=row.pk).update(text=text)
        store(version, [row], encode_text(version, text).vector[None, :])
    return [row.document_id for row in rows]


def test_each_hit_says_which_words_carried_it(documents):
    response = APIClient().post(SEARCH, {"text": "red motor", "explain": True}, format="json")
    assert_described(response, SEARCH, "post")
    answer = response.json()
    why = answer["results"][0]["why"]
    (asked,) = why["parts"]
    assert [word["text"] for word in asked["words"]] == ["red", "motor"]
    assert asked["words"][0]["share"] > abs(asked["words"][1]["share"])
    assert asked["words"][0]["matched"]
    best = max(why["found"]["words"], key=lambda word: word["share"])
    assert (best["text"], best["start"], best["end"]) == ("red", 2, 5)
    assert asked["regions"] is None
    assert all(hit["why"] for hit in answer["results"])


def test_without_being_asked_no_hit_says_why(documents):
    answer = APIClient().post(SEARCH, {"text": "red motor"}, format="json").json()
    assert [hit["why"] for hit in answer["results"]] == [None] * 3


def test_of_a_model_with_cells_api_and_page_show_the_regions_of_its_grid(tmp_path, client):
    version = cells_version(tmp_path)
    (row,) = make_documents(make_collection(), 1)
    store(version, [row], encode_text(version, "red").vector[None, :])
    photo = SimpleUploadedFile("corner.png", in_a_corner("red", "white"), "image/png")
    response = client.post(SEARCH, {"image": photo, "explain": "true"})
    assert_described(response, SEARCH, "post")
    answer = response.json()
    (asked,) = answer["results"][0]["why"]["parts"]
    shares = asked["regions"]["shares"]
    assert [len(shares), {len(line) for line in shares}] == [8, {8}]
    assert asked["regions"]["box"] == [0, 0, 1, 1]
    assert sum(max(share, 0) for line in shares[4:] for share in line[:4]) > 0.65
    page = client.get(reverse("search:why", args=[answer["query"]["id"], row.document_id]))
    cells = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"[^>]+fill-opacity="([\d.]+)"', page.content.decode())
    assert len(cells) == 64
    assert max(cells, key=lambda cell: float(cell[2]))[:2] in {
        (x, y) for x, y, _ in cells if float(x) < 50 <= float(y)
    }


def test_a_near_duplicate_stands_with_the_better_document_where_that_is_asked_for(documents):
    client = APIClient()
    response = client.post(SEARCH, {"text": "red pump", "collapse": True}, format="json")
    assert_described(response, SEARCH, "post")
    answer = response.json()
    first, second = answer["results"]
    assert {first["document"]["id"], first["near_duplicates"][0]["id"]} == {documents[0], documents[2]}
    assert (second["document"]["id"], second["near_duplicates"]) == (documents[1], [])
    kept = f"{SEARCH}{answer['query']['id']}/"
    assert len(client.get(kept).json()["results"]) == 2
    assert len(client.get(kept, {"collapse": "false"}).json()["results"]) == 3
    assert len(client.get(f"{kept}export.json").json()["results"]) == 3


def why_page(client, answer, place=0) -> str:
    query, document = answer["query"]["id"], answer["results"][place]["document"]["id"]
    return " ".join(client.get(f"/q/{query}/why/{document}/").content.decode().split())


def test_what_was_not_wanted_is_said_with_how_much_a_hit_has_of_it(documents, client, monkeypatch):
    monkeypatch.setattr(explain, "BACKGROUND_MIN", 2)
    backgrounds_forget()
    parts = [{"text": "a pump"}, {"text": "blue", "weight": -0.5}]
    response = APIClient().post(SEARCH, {"parts": parts, "explain": True}, format="json")
    assert_described(response, SEARCH, "post")
    answer = response.json()
    wanted, not_wanted = answer["results"][0]["why"]["parts"]
    assert wanted["closeness"] > not_wanted["closeness"]
    page = why_page(client, answer)
    assert "Not like this: Your words" in page
    assert "This result has little of it; what is marked is what it has most of." in page


def test_of_words_alone_those_that_both_have_are_said_and_nothing_of_the_model(documents, client):
    (document,) = write(Collection.objects.get(), "A red gearbox in the cellar.")
    asked = {"text": "a red gearbox", "mode": "lexical", "explain": True}
    answer = APIClient().post(SEARCH, asked, format="json").json()
    why = answer["results"][0]["why"]
    assert why["by_words"]
    assert answer["results"][0]["document"]["id"] == document.pk
    assert [word["text"] for word in why["found"]["words"] if word["matched"]] == ["red", "gearbox"]
    page = why_page(client, answer)
    assert "found by the words themselves, without the model" in page
    assert "The model judges the whole" not in page


def test_marks_that_moved_a_search_are_named(documents, client, django_user_model):
    client.force_login(django_user_model.objects.create_user("anna"))
    asked = {"text": "red", "mode": "dense"}
    query = client.post(SEARCH, asked, content_type="application/json").json()["query"]["id"]
    for document, verdict in ((documents[1], "relevant"), (documents[2], "not-relevant")):
        client.post(f"/q/{query}/judge/", {"document": document, "verdict": verdict})
    address = client.post(f"/q/{query}/marks/")["Location"]
    moved = client.get(f"/api/v1/search/{address.split('/')[2]}/").json()
    page = why_page(client, moved)
    assert f'towards <a href="/documents/{documents[1]}/"' in page
    assert f'away from <a href="/documents/{documents[2]}/"' in page
