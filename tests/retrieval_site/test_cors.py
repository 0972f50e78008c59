"""Scripts of pages that the operator names may call the API, without anybody's cookie; all others may not."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from rest_framework.test import APIClient

NAMED, OTHER = "https://shop.example", "https://evil.example"
SEARCH = "/api/v1/search/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _named(settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [NAMED]


def preflight(origin: str, path: str = SEARCH):
    return APIClient().options(
        path,
        HTTP_ORIGIN=origin,
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="PATCH",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="authorization,content-type,if-match",
    )


def cors_headers(response) -> dict[str, str]:
    return {
        name.lower(): value for name, value in response.items() if name.lower().startswith("access-control-")
    }


def test_a_named_origin_is_answered_before_it_asks():
    response = preflight(NAMED)
    headers = cors_headers(response)
    assert response.status_code == 200
    assert headers["access-control-allow-origin"] == NAMED
    assert {"authorization", "content-type", "if-match"} <= set(
        headers["access-control-allow-headers"].split(", ")
    )
    assert {"POST", "PATCH", "DELETE"} <= set(headers["access-control-allow-methods"].split(", "))
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("path", ["/api/v1/collections/", "/api/v1/collections", "/api/v1/nothing/"])
def test_a_named_origin_may_read_answers_and_their_headers(path):
    headers = cors_headers(APIClient().get(path, HTTP_ORIGIN=NAMED))
    assert headers["access-control-allow-origin"] == NAMED
    exposed = set(headers["access-control-expose-headers"].split(", "))
    assert {"ETag", "Location", "Retry-After", "X-Request-ID", "Upload-Offset", "Tus-Resumable"} <= exposed
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "https://shop.example.evil.example", "http://shop.example"]
)
def test_other_origins_get_nothing(origin):
    assert "access-control-allow-origin" not in cors_headers(preflight(origin))
    assert cors_headers(APIClient().get("/api/v1/collections/", HTTP_ORIGIN=origin)) == {}


@pytest.mark.parametrize("path", ["/", "/login/", "/admin/login/", "/healthz"])
def test_pages_are_for_their_own_site(path):
    assert cors_headers(APIClient().get(path, HTTP_ORIGIN=NAMED)) == {}


def test_an_answer_says_that_it_depends_on_the_origin():
    assert "origin" in APIClient().get("/api/v1/collections/", HTTP_ORIGIN=OTHER)["Vary"].lower()


def test_an_origin_with_a_path_is_found_at_boot(settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example/page"]
    assert any(problem.id and problem.id.startswith("corsheaders.") for problem in run_checks())
