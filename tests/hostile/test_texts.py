"""Texts that would cost regular expressions more than their length."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.hostile.clients import assert_undisturbed

if TYPE_CHECKING:
    from tests.hostile.site import Site

pytestmark = pytest.mark.slow

LENGTH = 20_000
SECONDS_MAX = 5.0
"""20,000 dots held the web process for 10 s; what is right is milliseconds."""

BODIES = {
    "dots": "." * LENGTH,
    "dots and spaces": ". " * LENGTH,
    "quotes": "\"'" * LENGTH,
    "line ends": "\n" * LENGTH,
    "spaces": " " * LENGTH + "x",
    "one word": "a" * LENGTH,
    "question marks": "?!" * LENGTH,
    "abbreviations": "e.g. " * LENGTH,
    "numbers": "1 " * LENGTH,
    "parts of codes": "AB 1 " * LENGTH,
}


@pytest.mark.parametrize("name", list(BODIES))
def test_a_document_of_one_sign_is_saved_at_once(site: Site, name: str) -> None:
    body = {"collection": "notes", "external_id": f"signs {name}", "title": name, "body": BODIES[name]}
    began = time.monotonic()
    status, answer = site.operator.ask("POST", "documents/", body)
    assert status == 201, answer
    assert time.monotonic() - began < SECONDS_MAX
    site.operator.must("DELETE", f"documents/{answer['id']}/")


def test_twenty_of_them_disturb_no_search(site: Site) -> None:
    def attack() -> None:
        for number in range(20):
            values = {
                "collection": "notes",
                "external_id": f"dots {number}",
                "title": "dots",
                "body": BODIES["dots"],
            }
            status, answer = site.operator.ask("POST", "documents/", values)
            assert status in (200, 201), answer

    assert_undisturbed(site.port, attack)
