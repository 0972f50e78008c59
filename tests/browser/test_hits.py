"""What is done with hits: layouts, comparing, pictures alone, keys, files, near-duplicates, and why they were found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from search.services.documents import encode_soon
from tests.support.browser import DESKTOP, PHONE, accessibility_problems, overflow
from tests.support.corpus import picture
from tests.support.pages import save_document
from tests.support.tiny_bundle import COLOURS
from workers.jobs.runner import run_job_inline

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.browser import Site

FILE = {"name": "red.jpg", "mimeType": "image/jpeg", "buffer": picture(COLOURS["red"], size=(400, 300))}


def _words(site: Site, page: Page, words: str = "a red pump") -> None:
    page.goto(site.url)
    page.fill("#words", words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/q/*/**")


def _photo(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    page.wait_for_url("**/q/*/**")


def test_the_chosen_layout_holds_for_the_next_search(site: Site, page: Page) -> None:
    _words(site, page)
    expect(page.locator(".hits.grid")).to_have_count(0)
    page.get_by_role("link", name="Show more").click()
    expect(page.locator("[data-hit]")).to_have_count(20)
    page.get_by_role("link", name="Grid").click()
    expect(page.locator(".hits.grid [data-hit]")).to_have_count(20)
    _words(site, page, "a blue valve")
    expect(page.locator(".hits.grid")).to_be_visible()
    page.get_by_role("link", name="List").click()
    expect(page.locator(".hits.grid")).to_have_count(0)


def test_two_hits_are_compared_and_the_second_exchanged(site: Site, page: Page) -> None:
    _words(site, page)
    hits = page.locator("[data-hit]")
    titles = page.locator("[data-hit-link]").all_inner_texts()
    for place in (0, 1, 2):
        hits.nth(place).get_by_label("Compare").check()
    expect(hits.nth(0).get_by_label("Compare")).not_to_be_checked()
    page.get_by_role("button", name="Compare these two").click()
    page.wait_for_url("**/compare/**")
    expect(page.locator("[data-hit-link]")).to_have_text(titles[1:3])
    expect(page.locator("tr.differs")).to_contain_text("Colour")
    page.get_by_role("link", name="The one after").click()
    expect(page.locator("[data-hit-link]")).to_have_text([titles[1], titles[3]])
    page.locator(".side").first.get_by_role("button", name="Relevant", exact=True).click()
    expect(page.locator(".side .verdict.yes").first).to_have_attribute("aria-pressed", "true")


def test_one_hit_is_not_enough_to_compare(site: Site, page: Page) -> None:
    _words(site, page)
    page.locator("[data-hit]").first.get_by_label("Compare").check()
    page.get_by_role("button", name="Choose one more").click()
    expect(page.locator("#notice")).to_contain_text("Choose one more result to compare.")


def test_pictures_stand_alone_one_after_the_other(site: Site, page: Page) -> None:
    _words(site, page)
    links = page.locator("a[data-lightbox]")
    expect(links.first).to_be_attached()
    names = [link.get_attribute("data-title") for link in links.all()]
    links.first.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("[data-lightbox-dialog]")
    expect(dialog).to_be_visible()
    expect(dialog.locator("img")).to_have_attribute("src", re.compile(r"\?w=960$"))
    page.keyboard.press("ArrowRight")
    expect(dialog.locator("[data-lightbox-title]")).to_have_text(names[1])
    page.keyboard.press("ArrowLeft")
    expect(dialog.locator("[data-lightbox-title]")).to_have_text(names[0])
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(links.first).to_be_focused()


def test_the_sheet_lists_the_keys_and_they_work(site: Site, page: Page) -> None:
    _words(site, page)
    page.locator("main").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_hidden()
    page.locator("main").focus()
    page.keyboard.press("j")
    first = page.locator("[data-hit]").first
    expect(first.locator("[data-hit-link]")).to_be_focused()
    page.keyboard.press("r")
    expect(first.locator(".verdict.yes")).to_have_attribute("aria-pressed", "true")
    first.locator("[data-hit-link]").focus()
    page.keyboard.press("c")
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="Compare these two")).to_be_focused()
    page.keyboard.press("g")
    expect(page.locator(".hits.grid")).to_be_visible()


def test_the_hits_are_taken_away_as_a_table(site: Site, page: Page) -> None:
    _words(site, page)
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Table (CSV)").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("rank,score,relevance,document_id,collection")
    assert len(lines) == 25
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Table (CSV)")).to_be_hidden()
    page.get_by_text("Export", exact=True).click()
    page.get_by_role("heading", level=1).click()
    expect(page.get_by_role("link", name="Table (CSV)")).to_be_hidden()


def test_words_say_which_of_them_carried_a_hit(site: Site, page: Page) -> None:
    _words(site, page, "the cyan valve")
    hit = page.locator("[data-hit]", has_text="Cyan valve")
    hit.get_by_role("link", name="Why?").click()
    panel = hit.locator(".why-panel")
    expect(panel.get_by_role("heading", name="Your words")).to_be_visible()
    expect(panel.locator(".carried-4").first).to_have_text("cyan")
    expect(panel.locator(".matched").first).to_be_visible()
    hit.get_by_role("link", name="Why?").click()
    expect(panel).to_be_hidden()
    hit.get_by_role("link", name="Why?").click()
    expect(panel).to_be_visible()


def test_a_photo_shows_which_of_its_regions_carried_a_hit(site: Site, page: Page) -> None:
    _photo(site, page)
    hit = page.locator("[data-hit]").first
    hit.get_by_role("link", name="Why?").click()
    expect(hit.get_by_alt_text("Your photo")).to_be_visible()
    expect(hit.locator(".why-picture mask g rect")).to_have_count(16)


def test_near_duplicates_stand_folded_below_the_best_of_them(site: Site, page: Page) -> None:
    for number in (8, 9):
        save_document(site.notes, f"copy-{number}", title=f"Copy {number}", body="A cyan valve.")
    assert run_job_inline(encode_soon()).state == "succeeded"
    _words(site, page, "a cyan valve")
    folded = page.locator("[data-hit]", has_text="A cyan valve.").locator(".same")
    expect(folded.locator("summary")).to_have_text("+2 nearly the same")
    folded.locator("summary").click()
    expect(folded.get_by_role("link")).to_have_count(2)
    page.get_by_role("link", name="Near-duplicates apart").click()
    expect(page.locator(".same")).to_have_count(0)
    expect(page.locator("[data-hit-link]", has_text=re.compile("Copy|Cyan valve"))).to_have_count(3)
    page.get_by_role("link", name="Near-duplicates together").click()
    expect(folded).to_have_count(1)


def test_all_of_it_works_without_javascript(site: Site, open_context) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    page.locator(".drop").get_by_role("button", name="Search").click()
    page.wait_for_url("**/q/*/**")
    page.get_by_role("link", name="Grid").click()
    expect(page.locator(".hits.grid")).to_be_visible()
    hits = page.locator("[data-hit]")
    hits.nth(0).get_by_label("Compare").check()
    hits.nth(1).get_by_label("Compare").check()
    page.get_by_role("button", name="Compare two").click()
    expect(page.get_by_role("heading", name="Side by side")).to_be_visible()
    page.get_by_role("link", name="Back to the results").click()
    hits.nth(0).get_by_role("link", name="Why?").click()
    expect(page.locator(".why-picture")).to_be_visible()
    page.get_by_role("link", name="Back to the results").click()
    page.locator(".hit-zoom").first.click()
    page.wait_for_url("**/images/**")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_its_pages_are_accessible_and_not_too_wide(
    site: Site, open_context, scheme: str, viewport: dict[str, int]
) -> None:
    page = open_context(color_scheme=scheme, viewport=viewport).new_page()
    _photo(site, page)
    page.get_by_role("link", name="Grid").click()
    hits = page.locator(".with-picture")
    hits.nth(0).get_by_role("link", name="Why?").click()
    expect(page.locator(".why-panel")).to_be_visible()
    found = {"why": accessibility_problems(page), "width of why": overflow(page)}
    hits.nth(0).get_by_label("Compare").check()
    hits.nth(1).get_by_label("Compare").check()
    page.get_by_role("button", name="Compare these two").click()
    page.wait_for_url("**/compare/**")
    found |= {"compare": accessibility_problems(page), "width of compare": overflow(page)}
    page.locator("a[data-lightbox]").first.click()
    expect(page.locator("[data-lightbox-dialog]")).to_be_visible()
    found |= {"lightbox": accessibility_problems(page)}
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    found |= {"keys": accessibility_problems(page)}
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_marks_move_the_search_and_the_way_back_is_open(site: Site, page: Page, size: dict[str, int]) -> None:
    page.set_viewport_size(size)
    _words(site, page, "a pump")
    asked = page.url
    expect(page.locator("#marks form")).to_have_count(0)
    hit = page.locator("[data-hit]").nth(5)
    title = hit.locator("h2").inner_text()
    hit.get_by_role("button", name="Relevant", exact=True).click()
    more = page.get_by_role("button", name="More like those I marked")
    expect(more).to_be_visible()
    assert overflow(page) <= 0
    more.click()
    page.wait_for_url(lambda url: url != asked and "/q/" in url)
    expect(page.locator("#marks")).to_contain_text("Moved by your marks: more like 1 document.")
    first = page.locator("[data-hit]").first
    expect(first).to_contain_text(title)
    expect(first.locator(".verdict.yes")).to_have_attribute("aria-pressed", "true")
    assert accessibility_problems(page) == []
    page.get_by_role("link", name="Back to the search as it was asked").click()
    page.wait_for_url(asked)
