"""Searching over HTTP: what reaches the door of retrieval, what comes back, and what is refused before it.

The door itself is tested in tests/search/retrieval; here it only records what it was asked.
"""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from django.core.files.base import ContentFile
from PIL import Image
from rest_framework.test import APIClient

from search import retrieval
from search.api.views import search as views
from search.models import Document, DocumentImage, Passage
from search.retrieval.types import (
    DocumentPart,
    EmbeddingPart,
    Hit,
    ImagePart,
    Plan,
    SearchAnswer,
    SearchRequest,
    TextPart,
)
from tests.search.api.conftest import error_id, make_version
from tests.search.api.test_schema import assert_described
from workers.encoding.wire import Encoded

SEARCH, EMBEDDINGS = "/api/v1/search/", "/api/v1/embeddings/"


def photo() -> ContentFile:
    data = BytesIO()
    Image.new("RGB", (8, 6), "red").save(data, "JPEG")
    return ContentFile(data.getvalue(), "photo.jpg")


def refused(response) -> tuple[int, str]:
    return response.status_code, error_id(response)


@pytest.fixture
def asked(world, monkeypatch) -> list[SearchRequest]:
    """A door that finds the open document by a passage and by a picture, and keeps what it was asked."""
    requests: list[SearchRequest] = []
    document = Document.objects.select_related("collection").get(pk=world.open_document.pk)
    passage = Passage.objects.create(document=document, ordinal=0, start=0, end=4, text="Body")
    image = DocumentImage.objects.get(document=document)

    def door(request: SearchRequest) -> SearchAnswer:
        requests.append(request)
        hits = (
            Hit(1, 0.61234567, document, unit=passage),
            Hit(2, 0.5, document, unit=image, kind="image", relevance=0.9),
        )
        timings = {"encode": 27.0049, "total": 36.0}
        return SearchAnswer(world.query.pk, "image", "small@1", hits, "more", Plan("ann", 64, 64), timings)

    monkeypatch.setattr(retrieval, "search", door)
    return requests


def test_a_photo_reaches_the_door_as_bytes_with_all_that_was_said(world, asked):
    form = {
        "image": photo(),
        "collections": ["open", "secret"],
        "filters": '{"tags": ["pump"], "metadata": {"kind": "pump"}}',
        "target": "images",
        "limit": "5",
        "model": "small@1",
        "mode": "dense",
    }
    assert world.client("reader").post(SEARCH, form, format="multipart").status_code == 200
    assert asked == [
        SearchRequest(
            viewer=world.users["reader"],
            parts=(ImagePart(photo().read()),),
            collections=("open", "secret"),
            filters={"tags": ["pump"], "metadata": {"kind": "pump"}},
            target="images",
            limit=5,
            model="small@1",
            mode="dense",
        )
    ]


def test_the_answer_is_what_the_design_and_the_schema_say(world, asked):
    response = APIClient().post(SEARCH, {"text": "a pump"})
    answer = response.json()
    assert set(answer) == {
        "query",
        "results",
        "facets",
        "match",
        "next",
        "unknown_words",
        "mended",
        "text_read",
        "warnings",
        "plan",
        "timings_ms",
    }
    assert answer["unknown_words"] == answer["warnings"] == []
    assert answer["query"] == {
        "id": str(world.query.pk),
        "modality": "image",
        "parts": [],
        "model": "small@1",
        "url": f"/q/{world.query.pk}/",
        "marks": None,
    }
    first, second = answer["results"]
    assert (first["rank"], first["score"], first["relevance"]) == (1, 0.612346, None)
    assert first["passage"] == {"text": "Body", "start": 0, "end": 4, "heading": "", "page": 0}
    assert (first["image"], second["passage"]) == (None, None)
    assert first["document"]["metadata"] == {"kind": "pump"}
    assert answer["plan"] == {
        "kind": "ann",
        "ef_search": 64,
        "candidates": 64,
        "retrievers": ["dense"],
    }
    assert answer["mended"] is None
    assert (answer["next"], answer["timings_ms"]["encode"]) == ("more", 27.0)
    assert_described(response, SEARCH, "post")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"text": " pump "}, {"parts": (TextPart("pump"),)}),
        ({"document": 7}, {"parts": (DocumentPart(7),)}),
        (
            {"embedding": [1, 0.5], "model": "small@1"},
            {"parts": (EmbeddingPart((1.0, 0.5)),), "model": "small@1"},
        ),
        ({"text": "pump", "filters": {}}, {"parts": (TextPart("pump"),)}),
        (
            {"text": "pump", "mode": "lexical", "as_written": True},
            {"parts": (TextPart("pump"),), "mode": "lexical", "as_written": True},
        ),
    ],
)
def test_the_other_parts_come_as_json(body, expected, world, asked):
    assert APIClient().post(SEARCH, body).status_code == 200
    assert replace(asked[0], viewer=None) == SearchRequest(viewer=None, **expected)


def test_the_next_page_needs_nothing_but_its_cursor(asked):
    assert APIClient().post(SEARCH, {"next": "page two", "limit": 3, "explain": False}).status_code == 200
    assert (asked[0].cursor, asked[0].limit, asked[0].parts) == ("page two", 3, ())


def test_an_embedding_comes_in_a_form_too(asked):
    form = {"embedding": json.dumps([0.5] * 1024), "model": "small@1"}
    assert APIClient().post(SEARCH, form, format="multipart").status_code == 200
    assert asked[0].parts == (EmbeddingPart((0.5,) * 1024),)


def test_a_search_is_a_read(world, asked):
    assert world.client("reader", "read").post(SEARCH, {"text": "pump"}).status_code == 200
    assert refused(world.client("reader", "write").post(SEARCH, {"text": "pump"})) == (403, "scope.missing")


def test_nobody_searches_only_while_the_operator_allows_it(asked, settings):
    assert APIClient().post(SEARCH, {"text": "pump"}).status_code == 200
    settings.CONFIG = replace(settings.CONFIG, anonymous_search=False)
    assert refused(APIClient().post(SEARCH, {"text": "pump"})) == (401, "auth.required")
    assert len(asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"text": "pump", "negative_text": "rust"},
    ],
)
def test_what_is_not_built_yet_is_refused_as_such(body, asked):
    response = APIClient().post(SEARCH, body)
    assert refused(response) == (400, "parameter.not_supported")
    assert response.json()["error"]["detail"]["parameters"]
    assert asked == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "query.parts"),
        ({"text": "pump", "document": 1}, "query.parts"),
        ({"text": ""}, "text.empty"),
        ({"text": " \t"}, "text.empty"),
        ({"text": "a\x00"}, "text.not_text"),
        ({"text": "x" * 2001}, "text.too_long"),
        ({"text": "a pump" + " " * 2000}, "text.too_long"),
        ({"text": "pump", "next": "x" * 1001}, "cursor.invalid"),
        ({"text": "pump", "limit": 0}, "parameter.invalid"),
        ({"text": "pump", "limit": 101}, "parameter.invalid"),
        ({"text": "pump", "mode": "sparse"}, "parameter.invalid"),
        ({"text": "pump", "target": "frames"}, "parameter.invalid"),
        ({"text": "pump", "filters": []}, "parameter.invalid"),
        ({"text": "pump", "filters": {"tags": "pump"}}, "parameter.invalid"),
        ({"text": "pump", "filters": {"metadata": 1}}, "parameter.invalid"),
        ({"text": "pump", "filters": {"has_images": 0}}, "parameter.invalid"),
        ({"text": "pump", "filters": {"tag": ["pump"]}}, "parameter.unknown"),
        ({"text": "pump", "top_k": 5}, "parameter.unknown"),
        ({"image": "aGVsbG8="}, "parameter.invalid"),
        ({"image_url": "ftp://example.com/a.jpg"}, "image_url.invalid"),
        ({"image_url": "https://me:word@example.com/a.jpg"}, "image_url.invalid"),
        ({"image_url": "x" * 2049}, "image_url.invalid"),
        ({"image_url": "https://example.com/a.jpg", "text": "pump"}, "query.parts"),
        ({"text": "pump", "crop": [0, 0, 0.5, 0.5]}, "parameter.invalid"),
        ({"text": "pump", "turn": 90}, "parameter.invalid"),
        ({"image_url": "https://example.com/a.jpg", "crop": [0, 0, 2, 1]}, "parameter.invalid"),
        ({"image_url": "https://example.com/a.jpg", "turn": 45}, "parameter.invalid"),
        ({"embedding": [1.0]}, "embedding.model_required"),
        ({"embedding": [1.0], "model": "champion"}, "embedding.model_required"),
        ({"embedding": [], "model": "small@1"}, "embedding.invalid"),
        ({"embedding": ["1"], "model": "small@1"}, "embedding.invalid"),
        ({"embedding": [True], "model": "small@1"}, "embedding.invalid"),
        ({"embedding": [10**400], "model": "small@1"}, "embedding.invalid"),
        ({"embedding": "[1e999]", "model": "small@1"}, "embedding.invalid"),
        ({"embedding": "[" * 9999, "model": "small@1"}, "embedding.invalid"),
        ({"embedding": [0.0] * 16_001, "model": "small@1"}, "embedding.invalid"),
        ({"text": "pump", "min_relevance": "0.5"}, "parameter.invalid"),
        ({"text": "pump", "min_relevance": True}, "parameter.invalid"),
        ({"text": "pump", "limit": "5"}, "parameter.invalid"),
        ({"text": "pump", "limit": 5.0}, "parameter.invalid"),
        ({"text": "pump", "collapse": "true"}, "parameter.invalid"),
        ({"text": "pump", "explain": 1}, "parameter.invalid"),
        ({"text": "pump", "as_written": 0}, "parameter.invalid"),
        ({"text": "pump", "filters": "{}"}, "parameter.invalid"),
        ({"text": "pump", "collections": [7]}, "parameter.invalid"),
        ({"text": "pump", "facets": [True]}, "parameter.invalid"),
        ({"document": "7"}, "parameter.invalid"),
        ({"image_url": "https://example.com/a.jpg", "turn": "90"}, "parameter.invalid"),
        ({"image_url": "https://example.com/a.jpg", "crop": "[0, 0, 0.5, 0.5]"}, "parameter.invalid"),
        ({"embedding": "[1.0]", "model": "small@1"}, "embedding.invalid"),
        ({"parts": '[{"text": "pump"}]'}, "parameter.invalid"),
        ({"parts": [{"text": "pump", "weight": True}]}, "query.weight"),
        ({"parts": [{"text": "pump", "weight": "0.5"}]}, "query.weight"),
        ({"parts": [{"document": "7"}]}, "parameter.invalid"),
        ({"next": "page two", "text": "pump"}, "parameter.invalid"),
        ({"next": "page two", "filters": {"tags": ["pump"]}}, "parameter.invalid"),
        ({"next": "page two", "collapse": False}, "parameter.invalid"),
    ],
)
def test_what_cannot_be_searched_for_never_reaches_the_door(body, expected, asked):
    assert refused(APIClient().post(SEARCH, body)) == (400, expected)
    assert asked == []


@pytest.mark.parametrize("crop", [{"crop": "[0.1, 0, 0.5, 0.5]"}, {"crop": ["0.1", "0", "0.5", "0.5"]}])
def test_a_part_of_a_turned_photo_is_asked_with(crop, asked):
    form = {"image": photo(), "turn": "90", **crop}
    assert APIClient().post(SEARCH, form, format="multipart").status_code == 200
    part = asked[0].parts[0]
    assert (part.crop, part.turn) == ((0.1, 0, 0.5, 0.5), 90)


def test_all_of_a_photo_is_no_part(asked):
    form = {"image": photo(), "crop": "[0, 0, 1, 1]"}
    assert APIClient().post(SEARCH, form, format="multipart").status_code == 200
    assert (asked[0].parts[0].crop, asked[0].parts[0].turn) == (None, 0)


@pytest.fixture
def fetched(monkeypatch):
    """The addresses that a worker would fetch."""
    addresses = []

    def picture_fetched(address):
        addresses.append(address)
        return b"the picture"

    monkeypatch.setattr("search.services.uploads.picture_fetched", picture_fetched)
    return addresses


def test_a_picture_is_asked_with_by_its_address(asked, fetched):
    body = {"image_url": " https://example.com/a.jpg ", "crop": [0, 0, 0.5, 1], "turn": 270}
    assert APIClient().post(SEARCH, body, format="json").status_code == 200
    assert fetched == ["https://example.com/a.jpg"]
    assert asked[0].parts == (ImagePart(b"the picture", crop=(0, 0, 0.5, 1), turn=270),)


def test_nothing_is_fetched_where_the_operator_does_not_want_it(asked, fetched, settings):
    settings.CONFIG = replace(settings.CONFIG, picture_urls=False)
    response = APIClient().post(SEARCH, {"image_url": "https://example.com/a.jpg"})
    assert (refused(response), fetched) == ((403, "image_url.off"), [])


def test_fetching_is_counted_for_each_caller(asked, fetched, settings, clean_redis):
    settings.CONFIG = replace(settings.CONFIG, throttle=True, throttle_picture_urls="2/minute")
    answers = [APIClient().post(SEARCH, {"image_url": "https://example.com/a.jpg"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert refused(answers[2]) == (429, "throttle.exceeded")
    assert len(fetched) == 2


def test_a_photo_that_is_too_large_is_refused_before_the_form_is_read(asked, settings):
    settings.CONFIG = replace(settings.CONFIG, picture_max_bytes=100)
    large = ContentFile(b"x" * 101, "a.jpg")
    assert refused(APIClient().post(SEARCH, {"image": large}, format="multipart")) == (413, "image.too_large")
    announced = APIClient().post(SEARCH, {"text": "x"}, CONTENT_LENGTH=str(3 * 1024**2))
    assert refused(announced) == (413, "request.too_large")
    assert asked == []


def test_an_empty_photo_is_called_empty(asked):
    for address in (SEARCH, EMBEDDINGS):
        response = APIClient().post(address, {"image": ContentFile(b"", "a.jpg")}, format="multipart")
        assert refused(response) == (400, "image.empty")
    assert asked == []


def test_asking_as_nobody_costs_no_query_outside_the_door(asked, django_assert_num_queries):
    with django_assert_num_queries(0):
        APIClient().post(SEARCH, {"image": photo()}, format="multipart")


def test_asking_with_a_token_costs_one_query_outside_the_door(world, asked, django_assert_num_queries):
    client = world.client("reader")
    client.post(SEARCH, {"text": "pump"})
    with django_assert_num_queries(1):
        client.post(SEARCH, {"image": photo()}, format="multipart")


@pytest.fixture
def encoders(monkeypatch):
    """Encoders that answer by what they were given; the real ones are tested in tests/workers."""

    def picture(version, data, **_framing):
        return Encoded(vector=np.array([1, 2, 3, len(data)], dtype=np.float32))

    monkeypatch.setattr(views, "encode_picture", picture)
    monkeypatch.setattr(views, "encode_text", lambda version, text: picture(version, text.encode()))


def test_a_picture_and_a_text_become_vectors(world, encoders):
    size = len(photo().read())
    image = APIClient().post(EMBEDDINGS, {"image": photo()}, format="multipart")
    assert image.json() == {
        "embedding": [1.0, 2.0, 3.0, size],
        "dim": 4,
        "model": "small@1",
        "warnings": [],
    }
    text = APIClient().post(EMBEDDINGS, {"text": "pump", "model": "small@1"})
    assert text.json()["embedding"] == [1.0, 2.0, 3.0, 4.0]
    assert_described(text, EMBEDDINGS, "post")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "query.parts")),
        ({"text": ""}, (400, "text.empty")),
        ({"text": "x" * 2001}, (400, "text.too_long")),
        ({"text": "a", "mode": "dense"}, (400, "parameter.unknown")),
        ({"text": "a", "model": "none@1"}, (404, "model.not_found")),
        ({"text": "a", "model": "small@2"}, (404, "model.not_found")),
    ],
)
def test_what_cannot_be_embedded_is_refused(body, expected, world, encoders):
    make_version(number=2, state="refused")
    assert refused(APIClient().post(EMBEDDINGS, body)) == expected


@pytest.mark.parametrize("state", ["uploaded", "validating", "refused", "set_aside"])
def test_whoever_manages_models_is_told_that_one_without_validation_is_asked_nothing(world, encoders, state):
    make_version(number=2, state=state)
    client = APIClient()
    client.force_authenticate(world.users["root"])
    answer = client.post(EMBEDDINGS, {"text": "pump", "model": "small@2"})
    assert refused(answer) == (409, "model.not_ready")
    assert_described(answer, EMBEDDINGS, "post")


def test_parts_come_as_json_with_their_weights(asked):
    parts = [{"text": "pump"}, {"document": 7, "weight": 0.5}, {"text": "rust", "weight": -1}]
    assert APIClient().post(SEARCH, {"parts": parts}).status_code == 200
    assert asked[0].parts == (TextPart("pump"), DocumentPart(7, 0.5), TextPart("rust", -1.0))


def test_in_a_form_parts_name_the_fields_of_their_files(asked):
    parts = [{"image": "front", "weight": 0.8}, {"image": "side", "turn": 90}, {"text": "green"}]
    form = {"parts": json.dumps(parts), "front": photo(), "side": photo(), "limit": "3"}
    assert APIClient().post(SEARCH, form, format="multipart").status_code == 200
    data = photo().read()
    assert asked[0].parts == (ImagePart(data, 0.8), ImagePart(data, turn=90), TextPart("green"))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ("pump", "parameter.invalid"),
        ([{"text": "pump"}, "rust"], "parameter.invalid"),
        ([{}], "query.parts"),
        ([{"text": "pump", "document": 1}], "query.parts"),
        ([{"text": "pump", "colour": "red"}], "parameter.unknown"),
        ([{"text": ""}], "text.empty"),
        ([{"text": "pump", "weight": 1.5}], "query.weight"),
        ([{"text": "pump", "weight": "1"}], "query.weight"),
        ([{"text": "pump"}] * 9, "query.too_many_parts"),
        ([{"image": "front"}], "query.part_file"),
    ],
)
def test_parts_that_cannot_be_right_are_refused(parts, expected, asked):
    assert refused(APIClient().post(SEARCH, {"parts": parts})) == (400, expected)
    assert asked == []


def test_a_file_that_no_part_names_is_refused(asked):
    form = {"parts": json.dumps([{"text": "green"}]), "front": photo()}
    assert refused(APIClient().post(SEARCH, form, format="multipart")) == (400, "parameter.unknown")


def test_a_kept_search_says_which_part_of_its_photo_counted(world):
    framed = {"crop": [0.1, 0.0, 0.5, 0.5], "turn": 90}
    world.query.parts.update(modality="image", text="", **framed)
    kept = world.client("stranger").get(f"{SEARCH}{world.query.pk}/").json()["query"]["parts"]
    assert [{name: part[name] for name in framed} for part in kept] == [framed]
