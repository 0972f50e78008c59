"""The judging room in a browser: a queue is made, judged with keys to its end, and says how far its raters agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from retrieval_site.accounts.models import User
from search.models import Judgement, JudgingQueue, Membership
from tests.browser.test_saved_searches import FILE, signed_in
from tests.support.browser import accessibility_problems, overflow

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.browser import Site

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PAIRS = {
    "name": "pairs.csv",
    "mimeType": "text/csv",
    "buffer": b"document,text\nred-1,a red pump\nblue-1,a red pump\nred-2,a red pump\n",
}


def curator(open_context, site: Site, name: str, **options: object) -> Page:
    page = signed_in(open_context(**options), site, name)
    Membership.objects.create(
        collection=site.documents["red"].collection, user=User.objects.get(username=name), role="curator"
    )
    return page


def make_queue(page: Page, site: Site) -> None:
    page.goto(site.at("/searches/"))
    page.get_by_role("link", name="Judging room").click()
    page.get_by_label("Name").fill("Red things")
    page.get_by_label("a file", exact=True).check()
    page.get_by_label("The file, if it is one").set_input_files([PAIRS])
    page.get_by_role("button", name="Make the queue").click()
    expect(page.get_by_role("heading", name="Red things")).to_be_visible()


def press(page: Page, key: str, then: str) -> None:
    page.keyboard.press(key)
    expect(page.locator(".judging-progress strong")).to_have_text(then)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_two_raters_judge_a_queue_with_keys_and_see_alpha(
    site: Site, open_context, viewport: dict[str, int], scheme: str
) -> None:
    ann = curator(open_context, site, "ann", viewport=viewport, color_scheme=scheme)
    make_queue(ann, site)
    expect(ann.get_by_text("a red pump")).to_be_visible()
    assert overflow(ann) <= 0
    assert accessibility_problems(ann) == []
    press(ann, "3", "2 of 3")
    press(ann, "0", "3 of 3")
    press(ann, "b", "2 of 3")
    press(ann, "1", "3 of 3")
    press(ann, "s", "3 of 3 done")
    expect(ann.get_by_text("You have been through all 3 pairs.")).to_be_visible()
    expect(ann.get_by_text("Krippendorff’s α needs pairs that two people judged")).to_be_visible()
    ben = curator(open_context, site, "ben", viewport=viewport, color_scheme=scheme)
    ben.goto(ann.url)
    press(ben, "3", "2 of 3")
    press(ben, "0", "3 of 3")
    expect(ben.get_by_text("Krippendorff’s α 0.83 over 2 pairs")).to_be_visible()
    ben.goto(site.at("/judging/"))
    expect(ben.get_by_text("2 of 3")).to_be_visible()
    assert overflow(ben) <= 0
    assert accessibility_problems(ben) == []
    assert Judgement.objects.count() == 4


def test_without_javascript_buttons_do_the_same(site: Site, open_context) -> None:
    page = curator(open_context, site, "ann", java_script_enabled=False)
    make_queue(page, site)
    page.get_by_role("button", name="Exactly it").click()
    expect(page.locator(".judging-progress strong")).to_have_text("2 of 3")
    page.get_by_role("button", name="Skip").click()
    page.get_by_role("button", name="Back").click()
    expect(page.locator(".judging-progress strong")).to_have_text("2 of 3")
    page.locator("summary", has_text="Delete the queue").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("What was judged stays.")).to_be_visible()
    assert not JudgingQueue.objects.exists()


def test_the_photo_of_a_search_stands_beside_the_document(site: Site, open_context) -> None:
    page = curator(open_context, site, "ann")
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    page.wait_for_url("**/q/*/")
    query = page.url.rstrip("/").split("/")[-1]
    page.goto(site.at("/judging/"))
    page.get_by_label("Name").fill("Photos")
    page.get_by_label("a file", exact=True).check()
    lines = {**PAIRS, "buffer": f"document,query\nred-1,{query}\n".encode()}
    page.get_by_label("The file, if it is one").set_input_files([lines])
    page.get_by_role("button", name="Make the queue").click()
    photo = page.get_by_alt_text("The photo that was searched with")
    expect(photo).to_be_visible()
    assert photo.evaluate("image => image.complete && image.naturalWidth > 0")
    expect(page.locator("mark, .passage").first).to_be_visible()
