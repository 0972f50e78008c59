"""Suggestions by the API: their shape, their limits, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.search.api.conftest import World, error_id

PATH = "/api/v1/suggestions/"


def test_an_identifier_leads_to_its_document_and_a_title_is_words(world: World, client):
    document = world.open_document
    assert client.get(PATH, {"q": "open"}).json()["suggestions"] == [
        {
            "kind": "identifier", "text": "open-1", "document": document.pk, "title": "Title of open-1",
            "url": f"/documents/{document.pk}/",
        },
        {"kind": "title", "text": "Title of open-1", "document": None, "title": "", "url": None},
    ]  # fmt: skip
    assert client.get(PATH).json() == {"suggestions": []}


@pytest.mark.parametrize(
    "asked",
    [{"q": "x" * 201}, {"q": "x", "limit": 21}, {"q": "x", "limit": 0}, {"q": "x", "collections": "A B"}],
)
def test_what_is_too_much_is_refused(asked, world, client):
    assert error_id(client.get(PATH, asked)) == "parameter.invalid"


def test_a_keystroke_costs_a_tenth_of_a_search(world, client, settings, clean_redis):
    settings.CONFIG = replace(settings.CONFIG, throttle=True, throttle_anonymous="2/day")
    answers = [client.get(PATH, {"q": "op"}).status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]
