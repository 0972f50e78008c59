"""What holds for every page: no error, nothing blocked, nothing out of reach, nothing too wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from retrieval_site.accounts.models import User
from tests.support.browser import DESKTOP, PHONE, accessibility_problems, overflow
from tests.support.corpus import picture
from tests.support.tiny_bundle import COLOURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.support.browser import Site, Watch

FILE = {"name": "red.jpg", "mimeType": "image/jpeg", "buffer": picture(COLOURS["red"], size=(400, 300))}


def _every_page(site: Site, page: Page) -> Iterator[str]:
    """Go to one page after the other, each in a telling state; yields its name."""
    document = site.documents["red"]
    for name, path in (
        ("home", "/"),
        ("collections", "/collections/"),
        ("collection", "/collections/notes/"),
        ("title not found", "/collections/notes/?title=zzz"),
        ("document", f"/documents/{document.pk}/"),
        ("login", "/login/"),
        ("nothing there", "/nowhere"),
        ("no such document", "/documents/999999/"),
    ):
        page.goto(site.at(path))
        yield name
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    page.wait_for_url("**/q/*/")
    results = page.url
    hit = page.locator("[data-hit]").first
    hit.get_by_role("button", name="Relevant", exact=True).click()
    hit.locator(".comment summary").click()
    page.locator(".how summary").click()
    page.wait_for_load_state("networkidle")
    yield "results"
    hit.locator("[data-hit-link]").click()
    page.wait_for_url("**/documents/**")
    yield "document of a hit"
    page.goto(results)
    page.locator("label", has_text="Pictures").click()
    page.wait_for_url(lambda url: "/q/" in url and url != results)
    page.wait_for_load_state("networkidle")
    yield "pictures"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_is_accessible(
    site: Site, open_context, watch: Watch, scheme: str, viewport: dict[str, int]
) -> None:
    watch.expected.append("Failed to load resource")  # the pages that are not there
    page = open_context(color_scheme=scheme, viewport=viewport).new_page()
    problems = {name: accessibility_problems(page) for name in _every_page(site, page)}
    assert {name: found for name, found in problems.items() if found} == {}
    assert len(problems) == 11


def test_no_page_is_wider_than_a_small_phone(site: Site, open_context, watch: Watch) -> None:
    watch.expected.append("Failed to load resource")
    page = open_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page()
    assert {name: overflow(page) for name in _every_page(site, page) if overflow(page) > 0} == {}


def test_every_page_forbids_what_it_does_not_need(site: Site, page: Page) -> None:
    for path in ("/", "/collections/notes/", f"/documents/{site.documents['red'].pk}/", "/login/"):
        policy = page.goto(site.at(path)).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.locator("[style], style, script:not([src]), [onclick]").count() == 0


def test_the_chosen_theme_holds_on_the_next_page(site: Site, page: Page) -> None:
    page.goto(site.url)
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Dark mode").click()
    dark = page.evaluate(colour)
    assert dark != light
    page.goto(site.at("/collections/"))
    assert page.evaluate(colour) == dark
    expect(page.get_by_role("button", name="Dark mode")).to_have_attribute("aria-pressed", "true")


def test_dark_mode_follows_the_system(site: Site, open_context) -> None:
    page = open_context(color_scheme="dark").new_page()
    page.goto(site.url)
    red, green, blue = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    assert max(red, green, blue) < 40


def test_the_api_page_is_dark_where_the_site_is(site: Site, open_context) -> None:
    page = open_context(color_scheme="dark", viewport=PHONE).new_page()
    page.goto(site.at("/api/v1/docs/"))
    page.wait_for_selector(".opblock")
    assert overflow(page) <= 0
    assert accessibility_problems(page) == []
    lightness = (
        "getComputedStyle(document.querySelector('.opblock')).backgroundColor.match(/\\d+/g).map(Number)"
    )
    assert max(page.evaluate(lightness)[:3]) < 60
    page.get_by_role("button", name="Dark mode").click()
    assert min(page.evaluate(lightness)[:3]) > 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_api_page_is_accessible_closed_and_open(site: Site, open_context, scheme: str) -> None:
    page = open_context(color_scheme=scheme).new_page()
    page.goto(site.at("/api/v1/docs/"))
    page.wait_for_selector(".opblock")
    assert accessibility_problems(page) == []
    for operation in ("search", "documents_save", "search_get"):
        page.locator(f"[id$='-{operation}'] .opblock-summary-control").first.click()
    page.get_by_role("button", name="Try it out").first.click()
    page.wait_for_selector("input[type=file], textarea")
    page.locator(".models-control").first.click()
    page.locator(".btn.authorize").first.click()
    page.wait_for_selector(".modal-ux")
    assert accessibility_problems(page) == []


def test_the_skip_link_is_the_first_stop(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_private_documents_are_nowhere_for_strangers(site: Site, page: Page, watch: Watch) -> None:
    watch.expected.append("Failed to load resource")
    for path in ("/", "/collections/", "/collections/vault/", f"/documents/{site.documents['secret'].pk}/"):
        page.goto(site.at(path))
        assert "Secret red motor" not in page.content()
        assert "Vault" not in page.content()
    page.goto(site.url)
    page.fill("#words", "a red motor")
    page.keyboard.press("Enter")
    page.wait_for_url("**/q/*/")
    assert "Secret red motor" not in page.content()


def test_people_sign_in_and_out(site: Site, page: Page) -> None:
    User.objects.create_user("ann", password="a good password")
    page.goto(site.url)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill("a good password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
