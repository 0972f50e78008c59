"""What holds from one page to the next: the hits, the place on the page, what was chosen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from demo.examples import LIST_NAME
from search.models import Collection
from search.services.documents import encode_soon
from tests.support.browser import DESKTOP, PHONE, accessibility_problems, overflow
from tests.support.corpus import make_collection, picture
from tests.support.pages import save_document
from tests.support.tiny_bundle import COLOURS
from tests.support.workers import wait_until
from workers.jobs.runner import run_job_inline

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.browser import Site

FILE = {"name": "red.jpg", "mimeType": "image/jpeg", "buffer": picture(COLOURS["red"], size=(400, 300))}


@pytest.fixture
def example(settings, tmp_path) -> str:
    """An example photo on the start page."""
    settings.DATA_DIR = tmp_path
    folder = tmp_path / "demo" / "examples"
    folder.mkdir(parents=True)
    (folder / "red.jpg").write_bytes(FILE["buffer"])
    (folder / LIST_NAME).write_text(json.dumps([{"key": "red", "label": "a red thing"}]))
    return "a red thing"


def _search(site: Site, page: Page, words: str = "a red pump") -> str:
    page.goto(site.url)
    page.fill("#words", words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/q/*/")
    return page.url


def _place(page: Page) -> float:
    """Return where in the window the hit stands. How far the page is scrolled says less: a tool above the hits for what
    came later ("Near-duplicates apart") is there only when all of them are drawn at once.
    """
    return float(page.locator("[data-hit-link]").nth(14).evaluate("link => link.getBoundingClientRect().top"))


def _to_a_hit_of_the_second_page(page: Page) -> tuple[float, str]:
    """Show more, go to a hit that came then and open it; return where in the window it stood and its title."""
    page.get_by_role("link", name="Show more").click()
    expect(page.locator("[data-hit]")).to_have_count(20)
    link = page.locator("[data-hit-link]").nth(14)
    link.hover()  # brings it into view as a click does, so that the click scrolls no further
    assert float(page.evaluate("scrollY")) > 500
    place, title = _place(page), link.inner_text()
    link.click()
    page.wait_for_url("**/documents/**")
    return place, title


def test_going_back_after_show_more_brings_the_same_hits_at_the_same_place(site: Site, page: Page) -> None:
    address = _search(site, page)
    place, _ = _to_a_hit_of_the_second_page(page)
    page.go_back()
    expect(page.locator("[data-hit]")).to_have_count(20)
    expect(page).to_have_url(f"{address}?hits=20")
    wait_until(lambda: abs(_place(page) - place) < 5, seconds=20, what="the same place")
    page.get_by_role("link", name="Show more").click()
    expect(page.locator("[data-hit]")).to_have_count(23)  # two of the 24 are nearly the same


def test_back_to_the_results_leads_to_the_hit_that_came_later(site: Site, page: Page) -> None:
    _search(site, page)
    _, title = _to_a_hit_of_the_second_page(page)
    page.get_by_role("link", name="Back to the results").click()
    page.wait_for_url("**/q/**")
    expect(page.locator("[data-hit]:target [data-hit-link]")).to_have_text(title)
    expect(page.locator("[data-hit]:target")).to_be_in_viewport()


def test_pictures_stay_chosen_for_an_example_and_for_the_next_photo(
    site: Site, page: Page, example: str
) -> None:
    page.goto(site.url)
    page.locator("label", has_text="Pictures").click()
    page.get_by_role("button", name=example).click()
    found = page.get_by_role("heading", name="Matching pictures")
    expect(found).to_be_visible()
    first = page.url
    page.set_input_files("#photo", files=[FILE])
    page.wait_for_url(lambda url: "/q/" in url and url != first)
    expect(found).to_be_visible()
    page.goto(site.url)
    expect(page.get_by_label("Pictures")).to_be_checked()
    page.get_by_role("button", name=example).click()
    expect(found).to_be_visible()


def test_an_example_works_without_javascript(site: Site, open_context, example: str) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(site.url)
    page.locator("label", has_text="Pictures").click()
    page.get_by_role("button", name=example).click()
    expect(page.get_by_role("heading", name="Matching pictures")).to_be_visible()


def test_the_words_stay_in_the_box_and_a_photo_takes_their_place(site: Site, page: Page) -> None:
    first = _search(site, page, "a red Zylinder")
    expect(page.locator("#words")).to_have_value("a red Zylinder")
    expect(page.locator(".results .note")).to_have_text(
        "The model does not know “Zylinder”; it searched for the rest."
    )
    page.set_input_files("#photo", files=[FILE])
    page.wait_for_url(lambda url: "/q/" in url and url != first)
    expect(page.get_by_alt_text("The photo that was searched with")).to_be_visible()
    expect(page.locator("#words")).to_have_value("")


def test_unknown_words_find_nothing_and_the_page_says_why(site: Site, page: Page) -> None:
    _search(site, page, "Zylinder")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page.locator(".nothing")).to_contain_text("The model knows none of these words: “Zylinder”.")
    assert accessibility_problems(page) == []


def test_a_collection_of_photos_shows_them_to_whoever_looks_for_documents(site: Site, page: Page) -> None:
    photos = make_collection("photos")
    save_document(photos, "one", pictures=[picture(COLOURS["red"], size=(300, 200), seed=9)])
    assert run_job_inline(encode_soon()).state == "succeeded"
    page.goto(site.at("/collections/photos/"))
    page.set_input_files("#photo", files=[FILE])
    page.wait_for_url("**/q/*/")
    expect(page.get_by_role("heading", name="Matching pictures")).to_be_visible()
    expect(page.locator("[data-hit]")).to_have_count(1)
    expect(page.locator(".results .note")).to_contain_text("have pictures but no texts")
    page.goto(site.url)
    expect(page.get_by_label("Documents")).to_be_checked()


def test_a_documents_pictures_keep_their_shape(site: Site, page: Page) -> None:
    wide, tall = picture((200, 0, 0), size=(800, 300)), picture((0, 0, 200), size=(300, 800))
    document = save_document(site.notes, "shapes", title="Shapes", pictures=[wide, tall])
    page.goto(site.at(f"/documents/{document.pk}/"))
    pictures = page.locator(".gallery img")
    expect(pictures).to_have_count(2)
    shape = "e => [e.clientWidth, e.clientHeight, getComputedStyle(e).objectFit]"
    assert pictures.nth(0).evaluate("e => getComputedStyle(e).objectFit") == "contain"
    width, height, fit = pictures.nth(1).evaluate(shape)
    assert (abs(width - height) <= 1, fit) == (True, "cover")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_menu_of_many_collections_with_long_names_fits_the_window(
    site: Site, open_context, viewport: dict[str, int]
) -> None:
    Collection.objects.bulk_create(
        Collection(slug=f"c{n}", name=f"{n} {'a long name ' * 12}{'x' * 40}", visibility="public")
        for n in range(60)
    )
    page = open_context(viewport=viewport).new_page()
    page.goto(site.url)
    page.get_by_text("All collections").click()
    box = page.locator(".menu-sheet").bounding_box()
    assert box["height"] > 200
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= viewport["width"]
    assert box["y"] + box["height"] < viewport["height"] + 1
    assert overflow(page) <= 0
