"""Whatever goes wrong leaves in one shape; what nobody expected stays loud."""

from __future__ import annotations

import json
import logging

import pytest
from django.core.exceptions import PermissionDenied
from rest_framework.test import APIClient

from models_admin.models import ModelVersion
from search.models import Collection
from tests.search.api.conftest import error_id

API = "/api/v1"


def refused(response) -> tuple[int, str]:
    return response.status_code, error_id(response)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("get", "/nothing/here/", (404, "url.not_found")),
        ("get", "/documents/not-a-number/", (404, "url.not_found")),
        ("get", "/documents/999999/", (404, "document.not_found")),
        ("get", f"/documents/{10**30}/", (404, "document.not_found")),
        ("get", "/collections/none/", (404, "collection.not_found")),
        ("get", "/models/none@1/", (404, "model.not_found")),
        ("get", "/models/a%00b/", (404, "model.not_found")),
        ("delete", "/collections/", (405, "method.not_allowed")),
        ("get", "/search/", (405, "method.not_allowed")),
    ],
)
def test_what_is_not_there_and_what_cannot_be_done(method, path, expected, world):
    assert refused(getattr(world.client("root"), method)(API + path)) == expected


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("{", "application/json", (400, "request.malformed")),
        ("[" * 100_000, "application/json", (400, "request.too_deep")),
        ('{"document": 1e999}', "application/json", (400, "request.malformed")),
        ('{"document": ' + "9" * 100_000 + "}", "application/json", (400, "request.malformed")),
        (b'{"text": "\xff"}', "application/json", (400, "request.malformed")),
        ('{"text": NaN}', "application/json", (400, "request.malformed")),
        ("[]", "application/json", (400, "parameter.invalid")),
        ("<a/>", "application/xml", (415, "media_type.not_supported")),
        ("no boundary", "multipart/form-data", (400, "request.malformed")),
    ],
)
def test_a_body_that_cannot_be_read(body, content_type, expected, world):
    response = APIClient().generic("POST", f"{API}/search/", body, content_type=content_type)
    assert refused(response) == expected


def test_an_answer_format_that_is_not_there(world):
    assert refused(APIClient().get(f"{API}/collections/", HTTP_ACCEPT="text/html")) == (
        406,
        "accept.not_supported",
    )


def test_a_json_body_that_is_too_large(world, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = APIClient().post(f"{API}/search/", {"text": "x" * 200})
    assert refused(response) == (413, "request.too_large")


@pytest.mark.parametrize(
    "path",
    [
        "/collections/?limt=3",
        "/documents/?colection=x",
        "/documents/1/?x=1",
        "/jobs/?owner=1",
        "/models/?format=json",
    ],
)
def test_a_typo_in_the_query_string_is_not_silent(path, world):
    response = world.client("root").get(API + path)
    assert refused(response) == (400, "parameter.unknown")
    assert response.json()["error"]["detail"]["unknown"]


def test_asking_for_the_head_of_a_list_takes_its_parameters(world):
    assert APIClient().head(f"{API}/documents/?limit=1").status_code == 200


def test_a_typo_in_a_body_is_not_silent(world):
    response = world.client("root").patch(f"{API}/collections/open/", {"visibilty": "private"})
    assert refused(response) == (400, "parameter.unknown")
    assert response.json()["error"]["detail"]["unknown"] == ["visibilty"]
    assert Collection.objects.get(slug="open").visibility == "public"


def test_a_value_that_cannot_be_used_is_named_with_its_reason(world):
    response = world.client("root").get(f"{API}/documents/?limit=0&collection=a b")
    assert refused(response) == (400, "parameter.invalid")
    assert set(response.json()["error"]["detail"]) == {"limit", "collection"}


@pytest.mark.parametrize("cursor", ["x", "cD1ub3Q=", "bz0tMQ==", "cD0lMDA=", "é", "cj14"])
def test_a_cursor_from_elsewhere_is_refused(cursor, world):
    for path in ("/documents/", "/jobs/"):
        response = world.client("root").get(f"{API}{path}", {"cursor": cursor})
        assert refused(response) == (400, "cursor.invalid")


def test_a_nul_character_is_refused_before_the_database_sees_it(world):
    for path in ("/documents/?external_id=a%00b", "/documents/?tag=%00", "/models/?name=%00"):
        assert refused(world.client("root").get(API + path)) == (400, "parameter.invalid")


def broken(*args, **kwargs):
    raise ZeroDivisionError("a bug")


def test_an_unknown_exception_is_a_500_with_its_request_id_in_answer_and_log(world, monkeypatch, caplog):
    monkeypatch.setattr(Collection.objects, "visible_to", broken)
    client = APIClient(raise_request_exception=False)
    with caplog.at_level(logging.ERROR, logger="django.request"):
        response = client.get(f"{API}/collections/", HTTP_X_REQUEST_ID="seen-in-both")
    assert refused(response) == (500, "server.error")
    assert response.json()["error"]["detail"] == {"request_id": "seen-in-both"}
    assert "a bug" not in response.content.decode()
    assert any(record.exc_info and "ZeroDivisionError" in str(record.exc_info) for record in caplog.records)


def test_an_unknown_exception_stays_loud_in_tests(world, monkeypatch):
    monkeypatch.setattr(Collection.objects, "visible_to", broken)
    with pytest.raises(ZeroDivisionError):
        APIClient().get(f"{API}/collections/")


def test_a_refusal_by_django_itself_has_the_shape_too(world, monkeypatch):
    def refuse(*args):
        raise PermissionDenied

    monkeypatch.setattr(Collection.objects, "visible_to", refuse)
    assert refused(APIClient().get(f"{API}/collections/")) == (403, "permission.denied")


def test_a_host_that_is_not_ours_has_the_shape_too(world):
    response = APIClient(raise_request_exception=False).get(f"{API}/collections/", HTTP_HOST="evil.example")
    assert refused(response) == (400, "request.malformed")


def test_operators_may_switch_models_and_nobody_else(world):
    version = ModelVersion.objects.get()
    for action in ("prepare", "activate", "retire"):
        response = world.client("staff").post(f"{API}/models/{version.key}/{action}/")
        assert refused(response) == (403, "permission.denied")
    assert refused(world.client("staff").post(f"{API}/models/rollback/")) == (403, "permission.denied")


def test_only_endpoints_that_take_files_read_forms_with_files(world):
    client = world.client("stranger")
    response = client.post(f"{API}/judgements/", {"grade": 1}, format="multipart")
    assert refused(response) == (415, "media_type.not_supported")


def test_who_cannot_judge_is_told_so_before_the_body_is_read(world):
    response = APIClient().generic("POST", f"{API}/judgements/", "{", content_type="application/json")
    assert refused(response) == (401, "auth.required")


def test_answers_that_depend_on_who_asks_stay_out_of_caches(world):
    for path in ("/collections/", "/documents/0/", "/judgements/export.csv"):
        assert world.client("root").get(API + path)["Cache-Control"] == "no-store"


def test_errors_are_json_even_for_streams(world):
    response = world.client("stranger").get(f"{API}/judgements/export.csv")
    assert json.loads(response.content)["error"]["id"] == "permission.denied"


def test_a_list_that_is_too_long_is_refused_before_its_entries_are_looked_at(world, monkeypatch):
    looked_at = []
    monkeypatch.setattr(
        "rest_framework.serializers.SlugField.run_validation", lambda self, data: looked_at.append(data)
    )
    response = APIClient().post(f"{API}/search/", {"text": "a", "collections": ["a"] * 50_000})
    assert refused(response) == (400, "parameter.invalid")
    assert looked_at == []


def test_json_of_megabytes_is_taken_only_where_a_document_may_be_as_long(world):
    body = {"text": "x" * 2_000_000, "collection": "open"}
    assert refused(APIClient().post(f"{API}/search/", body)) == (413, "request.too_large")
    document = {"collection": "open", "external_id": "long", "body": "x " * 1_000_000}
    saved = world.client("root").post(f"{API}/documents/", document)
    assert (saved.status_code, saved.json()["split_pending"]) == (201, True)


def test_an_answer_does_not_repeat_all_unknown_names(world):
    response = APIClient().post(f"{API}/search/", {f"{n}" + "x" * 500: 1 for n in range(1000)})
    assert refused(response) == (400, "parameter.unknown")
    assert len(response.content) < 10_000
