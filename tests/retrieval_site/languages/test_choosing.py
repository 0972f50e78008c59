"""Which language a page is in, and that the API speaks English always."""

from __future__ import annotations

import dataclasses

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import translation

from retrieval_site.config import read_config

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}

pytestmark = pytest.mark.django_db


def heading(answer) -> str:
    return answer.content.decode().partition("<h1>")[2].partition("</h1>")[0]


@pytest.mark.parametrize(
    ("wished", "heading_shown", "language"),
    [
        ("", "Sign in", "en"),
        ("de", "Anmelden", "de"),
        ("fr,de;q=0.4", "Anmelden", "de"),
        ("fr", "Sign in", "en"),
    ],
)
def test_a_page_is_in_the_language_of_the_browser(client, wished, heading_shown, language) -> None:
    answer = client.get("/login/", headers={"Accept-Language": wished})
    assert heading(answer) == heading_shown
    assert f'<html lang="{language}">' in answer.content.decode()
    assert answer["Content-Language"] == language
    assert {"Accept-Language", "Cookie"} <= {name.strip() for name in answer["Vary"].split(",")}
    assert "no-cache" in answer["Cache-Control"]
    assert translation.get_language() == "en"  # of the thread, which answers somebody else next


def test_what_was_chosen_counts_more_than_the_browser(client) -> None:
    answer = client.post(
        "/language/", {"language": "en"}, headers={**GERMAN, "Referer": "http://testserver/login/"}
    )
    assert (answer.status_code, answer["Location"]) == (302, "http://testserver/login/")
    assert heading(client.get("/login/", headers=GERMAN)) == "Sign in"
    client.post("/language/", {"language": "de"})
    assert heading(client.get("/login/", headers={"Accept-Language": "en"})) == "Anmelden"
    client.post("/language/", {"language": "xx"})
    assert heading(client.get("/login/", headers={"Accept-Language": "en"})) == "Anmelden"


def test_choosing_leads_nowhere_else(client) -> None:
    answer = client.post("/language/", {"language": "de", "next": "https://elsewhere.example/"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/language/?language=de")["Location"] == "/"
    assert "django_language" not in answer.client.get("/language/?language=en").cookies


def test_the_site_has_a_language_of_its_own(client, settings, monkeypatch) -> None:
    settings.CONFIG = dataclasses.replace(settings.CONFIG, default_language="de")
    assert heading(client.get("/login/")) == "Anmelden"
    assert heading(client.get("/login/", headers={"Accept-Language": "fr"})) == "Anmelden"
    assert heading(client.get("/login/", headers={"Accept-Language": "fr, EN-gb;q=0.1"})) == "Sign in"
    monkeypatch.setenv("DEFAULT_LANGUAGE", "xx")
    with pytest.raises(ImproperlyConfigured, match="DEFAULT_LANGUAGE"):
        read_config()


@pytest.mark.parametrize("path", ["/api/v1/collections/nothing/", "/api/v1/nowhere/", "/api/v1/schema/"])
def test_the_api_does_not_differ_by_language(client, path) -> None:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    german, english = client.get(path, headers=GERMAN), client.get(path, headers={"Accept-Language": "en"})
    assert german.content == english.content
    assert "Content-Language" not in german
    assert "Accept-Language" not in german.get("Vary", "")
