"""A photo's way to its text, through a real worker process: the API waits for it, the page completes itself."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from bench.plates import Plate, drawn
from search.models import Passage, Query
from tests.search.api.test_schema import assert_described
from tests.support.corpus import clustered, make_collection, store, tiny_version
from tests.support.hostile_pictures import jpeg_scans
from tests.support.words import write
from tests.support.workers import wait_until
from workers.encoding.wire import client as redis_client
from workers.reading import wire
from workers.reading.client import read_found, read_start, read_wait
from workers.reading.wire import PhotoReading

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("query_worker")]
SEARCH = "/api/v1/search/"


@pytest.fixture(autouse=True)
def _reads(settings):
    settings.CONFIG = replace(settings.CONFIG, read_text=True, read_text_seconds=60.0)


@pytest.fixture
def documents(tmp_path):
    version = tiny_version(tmp_path)
    made = write(make_collection(), "A pump.", "The pump KX-204/B.", "The pump KX-204/A.")
    passages = [Passage.objects.get(document=one) for one in made]
    store(version, passages, clustered(3, version.dim, seed=4))
    return made


def plate_photo(identifier, seed=0):
    target = io.BytesIO()
    plate = Plate(identifier, str(774744730 + seed), "NORDPUMP", "Type")
    drawn(plate, np.random.default_rng(seed)).save(target, "JPEG")
    return target.getvalue()


def _search(data, **more):
    return APIClient().post(SEARCH, {"image": upload(data), **more}, format="multipart")


def upload(data):
    file = io.BytesIO(data)
    file.name = "photo.jpg"
    return file


def test_with_read_text_the_answer_says_what_was_read_and_the_named_document_stands_first(documents):
    response = _search(plate_photo("KX-204/B"), read_text=True)
    answer = response.json()
    assert answer["results"][0]["document"]["id"] == documents[1].pk
    assert "Type KX-204/B" in [one["text"] for one in answer["text_read"]]
    assert all(len(one["box"]) == 4 and max(one["box"]) <= 1 for one in answer["text_read"])
    assert_described(response, SEARCH, "post")
    kept = APIClient().get(f"{SEARCH}{answer['query']['id']}/").json()
    assert kept["text_read"] == answer["text_read"]


def test_without_read_text_nothing_is_read_and_nobody_waits(documents):
    answer = _search(plate_photo("KX-204/B", seed=3)).json()
    assert answer["text_read"] is None
    assert not redis_client().exists(wire.ASKED_KEY)


def test_reading_needs_a_photo():
    response = APIClient().post(SEARCH, {"text": "a pump", "read_text": True}, format="json")
    assert (response.status_code, response.json()["error"]["id"]) == (400, "parameter.invalid")


def test_where_reading_is_switched_off_the_search_is_answered_with_a_warning(documents, settings):
    settings.CONFIG = replace(settings.CONFIG, read_text=False)
    answer = _search(plate_photo("KX-204/B"), read_text=True).json()
    assert answer["results"]
    assert answer["text_read"] is None
    assert [one["id"] for one in answer["warnings"]] == ["text.not_read"]


def test_where_no_reader_answers_in_time_the_search_is_answered_all_the_same(
    documents, settings, monkeypatch
):
    settings.CONFIG = replace(settings.CONFIG, read_text_seconds=0.3)
    monkeypatch.setattr("workers.reading.wire.ASKED_KEY", "nobody:reads:this")
    answer = _search(plate_photo("KX-204/B", 5), read_text=True).json()
    assert answer["results"]
    assert "no reader answered" in answer["warnings"][0]["message"]


def test_the_page_completes_itself_and_shows_the_named_document(documents):
    browser = Client()
    photo = {"image": upload(plate_photo("KX-204/B", seed=7)), "target": "passages"}
    page = browser.post(reverse("search:search"), photo, follow=True)
    address = re.search(r'hx-get="([^"]+/text/[^"]*)"', page.content.decode())[1]
    shown = []

    def is_read():
        shown[:] = [browser.get(address, headers={"HX-Request": "true"}).content.decode()]
        return "Read from the photo" in shown[0]

    wait_until(is_read, seconds=60, what="the text of the photo")
    assert "KX-204/B" in shown[0]
    assert reverse("search:document", args=[documents[1].pk]) in shown[0]
    assert reverse("search:document", args=[documents[2].pk]) not in shown[0]
    assert "Type KX-204/B" in [one["text"] for one in Query.objects.get().part.text_read]
    again = browser.get(page.redirect_chain[-1][0]).content.decode()
    assert "Read from the photo" in again
    assert "hx-get" not in again.split("Read from the photo")[0].split("data-photo-text")[0][-200:]


def test_without_javascript_a_link_reads_the_text(documents):
    browser = Client()
    photo = {"image": upload(plate_photo("KX-204/B", seed=8)), "target": "passages"}
    page = browser.post(reverse("search:search"), photo, follow=True)
    link = re.search(r'<noscript><p.*?href="([^"]+/text/)"', page.content.decode(), re.DOTALL)[1]
    assert "Read from the photo" in browser.get(link, follow=True).content.decode()


@pytest.mark.parametrize("data", [b"no picture", plate_photo("KX-204/B")[:2000], jpeg_scans(300, 4096)])
def test_what_a_decoder_refuses_is_not_read(data):
    read_start(name := f"hostile-{len(data)}", data)
    reading = read_wait(name)
    assert reading.failure
    assert reading.texts == ()


def test_the_same_photo_is_read_once(documents):
    data = plate_photo("KX-204/B", seed=9)
    read_start("once", data)
    first = read_wait("once")
    assert first.texts
    read_start("once", b"not looked at")
    assert not redis_client().exists(wire.INPUT_PREFIX + "once")
    assert read_found("once") == first


def test_more_photos_than_may_wait_are_told_so_at_once(monkeypatch):
    monkeypatch.setattr("workers.reading.wire.WAITING_MAX", 0)
    read_start("crowd", b"data")
    assert read_found("crowd") == PhotoReading(failure="too many photos are waiting to be read")
