"""The example that the API's page offers is answered when it is sent from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.browser import Site


def test_the_pages_own_search_is_answered(site: Site, page: Page) -> None:
    page.goto(site.at("/api/v1/docs/"))
    search = page.locator("#operations-search-search")
    search.locator(".opblock-summary-control").click()
    search.get_by_role("button", name="Try it out").click()
    expect(search.locator("textarea").first).to_have_value('{\n  "text": "a leaking pump"\n}')
    search.get_by_role("button", name="Execute").click()
    answer = search.locator(".live-responses-table .response").first
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer).to_contain_text('"modality": "text"')
