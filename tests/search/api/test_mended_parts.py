"""Misspelt words beside other parts, over HTTP and through a real query worker: mended, said, and undone."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from search.models import Passage, Query
from search.words.vocabulary import vocabularies_refresh
from tests.search.api.test_schema import assert_described
from tests.support.corpus import kept_tiny_version, make_collection, picture, store
from tests.support.tiny_bundle import COLOURS
from tests.support.words import write
from workers.encoding.client import encode_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("query_worker")]
SEARCH = "/api/v1/search/"


@pytest.fixture(autouse=True)
def notes(query_worker, tmp_path) -> None:
    version = kept_tiny_version(tmp_path)
    bodies = ("a red pump", "a green pump", "a rusty green valve")
    write(make_collection(), *bodies)
    rows = list(Passage.objects.order_by("pk"))
    store(version, rows, np.stack([encode_text(version, body).vector for body in bodies]))
    vocabularies_refresh()


def texts(query_id: str) -> list[str]:
    return [part.text for part in Query.objects.get(pk=query_id).asked if part.text]


def test_words_that_lead_away_are_mended(client: Client) -> None:
    parts = [{"text": "a green pump"}, {"text": "rutsy valve", "weight": -0.5}]
    response = APIClient().post(SEARCH, {"parts": parts})
    assert_described(response, SEARCH, "post")
    answer = response.json()
    assert answer["mended"] == {"asked": "rutsy valve", "searched": "rusty valve"}
    assert texts(answer["query"]["id"]) == ["a green pump", "rusty valve"]
    as_written = APIClient().post(SEARCH, {"parts": parts, "as_written": True}).json()
    assert (as_written["mended"], texts(as_written["query"]["id"])) == (None, ["a green pump", "rutsy valve"])
    assert "text.as_written" in [warning["id"] for warning in as_written["warnings"]]


def test_words_beside_a_photo_are_mended_and_both_ways_lead_back(client: Client) -> None:
    photo = SimpleUploadedFile("red.jpg", picture(COLOURS["red"], size=(320, 240)), "image/jpeg")
    found = client.post("/search/", {"image": photo, "text": "geren"})
    mended = found["Location"].split("/")[2]
    assert texts(mended) == ["green"]
    page = client.get(found["Location"]).content.decode()
    assert "search for <em" in page
    written = client.post(f"/q/{mended}/again/", {"as_written": "1"})["Location"].split("/")[2]
    assert texts(written) == ["geren"]
    assert Query.objects.get(pk=written).modality == "composed"
    more = client.post(f"/q/{written}/again/", {"target": "passages"})["Location"].split("/")[2]
    assert texts(more) == ["geren"]
    page = client.get(f"/q/{more}/").content.decode()
    assert 'name="mend"' in page
    back = client.post(f"/q/{more}/again/", {"mend": "1"})["Location"].split("/")[2]
    assert texts(back) == ["green"]


def test_words_as_written_that_find_nothing_keep_the_way_to_the_right_ones(client: Client) -> None:
    found = client.post("/search/", {"text": "rutsy", "as_written": "1", "mode": "lexical"})
    page = client.get(found["Location"]).content.decode()
    assert "Nothing found" in page
    assert 'name="mend"' in page
    back = client.post(f"{found['Location']}again/", {"mend": "1", "mode": "lexical"})["Location"]
    assert "A rusty green valve" in client.get(back).content.decode() or texts(back.split("/")[2]) == [
        "rusty"
    ]
