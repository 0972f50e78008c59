"""The pages in German, on a phone and on a wide screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.browser import overflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext

    from tests.support.browser import Site


@pytest.mark.parametrize("width", [390, 1440])
def test_a_german_browser_reads_german_until_somebody_chooses_english(
    site: Site, open_context: Callable[..., BrowserContext], width: int
) -> None:
    context = open_context(locale="de-DE", viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(site.url)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Zeigen Sie es. Finden Sie das Dokument.")
    assert overflow(page) == 0
    page.fill("#words", "a red pump")
    page.keyboard.press("Enter")
    page.wait_for_url("**/q/*/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Passende Dokumente")
    expect(page.locator(".how summary")).to_have_text("Wie dies gefunden wurde")
    assert overflow(page) == 0
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Matching documents")
    expect(page.locator("html")).to_have_attribute("lang", "en")
