"""What programs send as they send it: byte order marks, charsets, no last slash, no length."""

from __future__ import annotations

import codecs
import json

import pytest
from django.urls import URLPattern, get_resolver
from rest_framework.test import APIClient

from search.models import Collection, Judgement
from tests.search.api.conftest import error_id

API = "/api/v1"
JUDGEMENT = {"query": "00000000-0000-0000-0000-000000000001", "document": 1, "grade": 1}


def refused(response) -> tuple[int, str]:
    return response.status_code, error_id(response)


def test_json_with_a_byte_order_mark_is_read(world):
    body = codecs.BOM_UTF8 + json.dumps({"name": "Ölpumpe"}, ensure_ascii=False).encode()
    response = world.client("root").generic("PATCH", f"{API}/collections/open/", body, "application/json")
    assert (response.status_code, response.json()["name"]) == (200, "Ölpumpe")


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf8"', "us-ascii"])
def test_a_charset_that_is_utf_8_is_taken(charset, world):
    response = world.client("root").generic(
        "PATCH", f"{API}/collections/open/", b'{"name": "Pumps"}', f"application/json; charset={charset}"
    )
    assert response.status_code == 200


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "windows-1252", "no-such-charset", "a" * 500])
@pytest.mark.parametrize(
    ("kind", "encode"),
    [
        ("application/json", lambda text, charset: json.dumps({"name": text})),
        ("application/x-www-form-urlencoded", lambda text, charset: f"name={text}"),
    ],
)
def test_another_charset_is_refused_with_its_name(charset, kind, encode, world):
    response = world.client("root").generic(
        "PATCH", f"{API}/collections/open/", encode("Pumps", charset).encode(), f"{kind}; charset={charset}"
    )
    assert refused(response) == (415, "charset.not_supported")
    assert Collection.objects.get(slug="open").name == "Open"


def test_a_form_with_files_in_another_charset_is_refused(world):
    kind = "multipart/form-data; boundary=x; charset=latin-1"
    response = world.client("root").generic("POST", f"{API}/documents/", b"--x--\r\n", kind)
    assert refused(response) == (415, "charset.not_supported")


def test_bytes_that_are_no_utf_8_are_told_in_words(world):
    response = APIClient().generic("POST", f"{API}/search/", b'{"text": "\xff"}', "application/json")
    assert refused(response) == (400, "request.malformed")
    assert (
        response.json()["error"]["message"] == "The body is not JSON that is read here: byte 11 is not UTF-8."
    )


def test_a_post_without_the_last_slash_is_answered_as_with_it(world):
    client = world.client("curator")
    body = JUDGEMENT | {"query": str(world.query.pk), "document": world.open_document.pk}
    assert client.post(f"{API}/judgements", body).status_code == 201
    assert Judgement.objects.count() == 1
    saved = client.post(f"{API}/documents", {"collection": "secret", "external_id": "n", "title": "n"})
    assert saved.status_code == 201
    changed = client.patch(f"{API}/documents/{saved.json()['id']}", {"title": "m"})
    assert (changed.status_code, changed.json()["title"]) == (200, "m")
    assert client.delete(f"{API}/documents/{saved.json()['id']}").status_code == 204


def api_routes() -> list[str]:
    (api,) = [entry for entry in get_resolver().url_patterns if getattr(entry, "namespace", None) == "api"]
    return [str(pattern.pattern) for pattern in api.url_patterns if isinstance(pattern, URLPattern)]


@pytest.mark.parametrize("route", [route for route in api_routes() if route.endswith("/")])
def test_every_address_means_the_same_without_its_last_slash(route, world):
    values = {"<uuid:": str(world.job.pk), "<int:": "999999", "<slug:": "none", "<str:": "none@1"}
    parts = [next((v for k, v in values.items() if part.startswith(k)), part) for part in route.split("/")]
    path = f"{API}/{'/'.join(parts)}"
    for method in ("get", "post", "patch", "delete"):
        client = APIClient()
        with_it, without = (getattr(client, method)(address, {}) for address in (path, path.rstrip("/")))
        assert without.status_code == with_it.status_code
        assert without.status_code not in (301, 302, 307, 308, 500)


def test_what_is_nowhere_is_not_found_without_a_slash_too(world):
    assert refused(APIClient().post(f"{API}/nothing/here", {})) == (404, "url.not_found")


def test_a_body_of_unknown_length_is_told_where_a_server_does_not_read_it(world):
    response = APIClient().post(f"{API}/search/", {}, HTTP_TRANSFER_ENCODING="chunked")
    assert refused(response) == (411, "request.length_required")


def test_a_collection_that_one_cannot_see_is_not_there_for_who_curates_nothing(world):
    new = {"external_id": "n", "title": "n"}
    for who in ("stranger", "staff"):
        for slug in ("secret", "missing"):
            response = world.client(who).post(f"{API}/documents/", new | {"collection": slug})
            assert refused(response) == (404, "collection.not_found")
        assert refused(world.client(who).post(f"{API}/documents/", new | {"collection": "open"})) == (
            403,
            "permission.denied",
        )


def test_a_large_body_of_who_curates_nothing_is_refused_in_true_words(world):
    response = world.client("stranger").post(f"{API}/documents/", {"body": "x" * 2_000_000})
    assert refused(response) == (403, "permission.denied")
    assert response.json()["error"]["message"] == "You curate no collection, so you may not send this."
