"""Searching with a picture and with words, through a real query worker."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from django.db import connection

from retrieval_site.errors import AppError
from search.models import Passage, Query
from search.retrieval import reopen, search
from search.retrieval.encode import _Asked
from search.retrieval.types import ImagePart, SearchRequest, TextPart
from search.vectors.copy import vectors_write
from tests.support.corpus import kept_tiny_version, make_collection, make_documents, picture, store
from tests.support.pages import save_document
from tests.support.tiny_bundle import COLOURS
from tests.support.workers import worker_environment
from workers.encoding.client import encode_picture, encode_text
from workers.storage.blobs import blob_open

HELD = """
    SELECT state, backend_xid, backend_xmin,
        (SELECT count(*) FROM pg_locks held WHERE held.pid = activity.pid AND relation IS NOT NULL)
    FROM pg_stat_activity activity WHERE pid = %s
"""
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("query_worker")]


@pytest.fixture
def colours(tmp_path):
    """One document per colour, encoded by the worker."""
    version = kept_tiny_version(tmp_path)
    rows = make_documents(make_collection(), len(COLOURS))
    for row, colour in zip(rows, COLOURS, strict=True):
        Passage.objects.filter(pk=row.pk).update(text=f"a {colour} part")
        store(version, [row], encode_text(version, f"a {colour} part").vector[None, :])
    return version


def test_a_photo_finds_the_document_that_it_is_about(colours):
    photo = picture(COLOURS["purple"], size=(400, 300))
    answer = search(SearchRequest(viewer=None, session="anonymous-1", parts=(ImagePart(photo),), limit=3))
    assert answer.hits[0].unit.text == "a purple part"
    assert answer.model == colours.key
    assert {"decode", "encode", "transport", "search", "fetch", "total"} <= set(answer.timings_ms)
    kept = Query.objects.get(pk=answer.query_id)
    assert (kept.modality, kept.session, kept.version) == ("image", "anonymous-1", colours)
    with blob_open(kept.part.preview) as preview:
        assert preview.read(3) == b"\xff\xd8\xff"


def test_words_find_the_document_that_they_are_about(colours):
    answer = search(SearchRequest(viewer=None, parts=(TextPart("something cyan"),), limit=3))
    assert answer.hits[0].unit.text == "a cyan part"
    assert Query.objects.get(pk=answer.query_id).text == "something cyan"


def test_a_search_that_waits_for_its_vector_stands_in_nobodys_way(colours, monkeypatch):
    """Its transaction is open already, but neither a vacuum nor the end of a model has to wait for it."""
    finish, seen = _Asked.finish, []

    def watched(self):
        with psycopg.connect(worker_environment()["DATABASE_URL"]) as other:
            seen.extend(other.execute(HELD, [connection.connection.info.backend_pid]).fetchall())
        return finish(self)

    monkeypatch.setattr(_Asked, "finish", watched)
    search(SearchRequest(viewer=None, parts=(TextPart("something cyan"),), limit=3))
    assert seen == [("idle in transaction", None, None, 0)]


def test_a_search_that_fails_keeps_no_query(colours):
    with pytest.raises(AppError) as caught:
        search(SearchRequest(viewer=None, parts=(ImagePart(picture(COLOURS["red"])[:300]),)))
    assert caught.value.id == "image.truncated"
    assert Query.objects.count() == 0


def test_words_that_the_model_does_not_know_are_told_and_the_rest_is_searched(colours):
    answer = search(SearchRequest(viewer=None, parts=(TextPart("something cyan Zylinder"),), limit=3))
    assert answer.hits[0].unit.text == "a cyan part"
    assert answer.unknown_words == ["something", "Zylinder"]
    assert [warning["id"] for warning in answer.warnings] == ["text.unknown_words"]
    assert reopen(answer.query_id, None).warnings == answer.warnings


def test_words_of_which_the_model_knows_none_find_nothing(colours):
    for _ in range(2):  # the second answer comes from the cache
        answer = search(SearchRequest(viewer=None, parts=(TextPart("the Zylinder"),)))
        assert (answer.hits, answer.next, answer.unknown_words) == ((), None, ["Zylinder"])
        assert answer.warnings[0]["id"] == "text.nothing_known"
        assert answer.warnings[0]["message"] == "The model knows none of these words: “Zylinder”."


@pytest.mark.parametrize("text", ["?!.", " … "])
def test_punctuation_alone_is_refused(colours, text):
    with pytest.raises(AppError) as caught:
        search(SearchRequest(viewer=None, parts=(TextPart(text),)))
    assert (caught.value.id, caught.value.status) == ("text.empty", 400)


@pytest.fixture
def photos(colours):
    """A collection of pictures without texts."""
    collection = make_collection("photos")
    data = picture(COLOURS["red"])
    document = save_document(collection, "red", pictures=[data])
    ids = [image.pk for image in document.images.all()]
    vectors_write(colours, "image", ids, encode_picture(colours, data).vector[None, :])
    return document


def test_a_search_for_passages_where_there_are_only_pictures_tells_of_them(photos):
    request = SearchRequest(
        viewer=None, parts=(ImagePart(picture(COLOURS["red"], seed=1)),), collections=("photos",)
    )
    answer = search(request)
    assert answer.hits == ()
    assert [warning["id"] for warning in answer.warnings] == ["target.only_pictures"]
    assert answer.warnings[0]["detail"] == {"target": "images"}


def test_pictures_are_searched_instead_where_the_request_allows_it(photos):
    request = SearchRequest(
        viewer=None, parts=(ImagePart(picture(COLOURS["red"], seed=1)),), collections=("photos",)
    )
    answer = search(replace(request, or_pictures=True))
    assert [hit.document for hit in answer.hits] == [photos]
    assert (answer.hits[0].kind, answer.hits[0].unit is None) == ("image", False)
    assert Query.objects.get(pk=answer.query_id).target == "images"
    assert "you see pictures" in answer.warnings[0]["message"]


def test_texts_are_searched_where_there_are_both(photos):
    answer = search(SearchRequest(viewer=None, parts=(ImagePart(picture(COLOURS["red"])),), or_pictures=True))
    assert (answer.hits[0].kind, answer.hits[0].unit is None) == ("passage", False)
    assert answer.warnings == ()
