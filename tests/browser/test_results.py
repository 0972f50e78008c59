"""What people do with an answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from retrieval_site.accounts.models import User
from search.models import Collection, Judgement, Membership
from tests.support.browser import accessibility_problems
from tests.support.corpus import picture
from tests.support.tiny_bundle import COLOURS

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.browser import Site

LOADS = """src => new Promise(done => {
    const picture = new Image();
    picture.onload = () => done(true);
    picture.onerror = () => done(false);
    picture.src = src;
})"""
"""Whether a picture can be shown now."""
FILE = {"name": "red.jpg", "mimeType": "image/jpeg", "buffer": picture(COLOURS["red"], size=(400, 300))}


def _search(site: Site, page: Page, words: str = "a red pump") -> str:
    page.goto(site.url)
    page.fill("#words", words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/q/*/")
    return page.url


def test_the_passage_is_marked_in_its_context_and_in_the_document(site: Site, page: Page) -> None:
    _search(site, page, "the red pump in the hall")
    hit = page.locator("[data-hit]", has_text="Red pump")
    expect(hit.locator("mark")).to_contain_text("The red pump is in the hall.")
    hit.locator("[data-hit-link]").click()
    page.wait_for_url("**/documents/**")
    expect(page.locator("mark#passage")).to_contain_text("The red pump is in the hall.")
    page.get_by_role("link", name="Back to the results").click()
    page.wait_for_url("**/q/**")


def test_a_judgement_is_kept_commented_and_taken_back(site: Site, page: Page) -> None:
    _search(site, page)
    hit = page.locator("[data-hit]").first
    hit.get_by_role("button", name="Relevant", exact=True).click()
    expect(hit.get_by_role("button", name="Relevant", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#live")).to_have_text("Marked as relevant.")
    hit.locator(".comment summary").click()
    hit.get_by_label("Comment").fill("The very pump.")
    hit.get_by_role("button", name="Save comment").click()
    expect(hit.locator(".comment-kept")).to_have_text("The very pump.")
    assert list(Judgement.objects.values_list("grade", "comment")) == [(2, "The very pump.")]
    page.reload()
    expect(hit.get_by_role("button", name="Relevant", exact=True)).to_have_attribute("aria-pressed", "true")
    hit.get_by_role("button", name="Undo").click()
    expect(hit.get_by_role("button", name="Undo")).to_have_count(0)
    assert not Judgement.objects.exists()


def test_the_focus_stays_on_the_button_that_was_pressed(site: Site, page: Page) -> None:
    _search(site, page)
    button = page.locator("[data-hit]").first.get_by_role("button", name="Not relevant")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()


def test_more_hits_come_without_losing_those_that_are_there(site: Site, page: Page) -> None:
    _search(site, page)
    hits = page.locator("[data-hit]")
    expect(hits).to_have_count(10)
    page.get_by_role("link", name="Show more").click()
    expect(hits).to_have_count(20)
    expect(hits.nth(10).locator("[data-hit-link]")).to_be_focused()
    page.get_by_role("link", name="Show more").click()
    expect(hits).to_have_count(23)  # two of the 24 are nearly the same
    expect(page.get_by_role("link", name="Show more")).to_have_count(0)
    titles = page.locator("[data-hit-link]").all_inner_texts()
    assert len(set(titles)) == 23


def test_the_target_is_switched_with_one_click(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    page.wait_for_url("**/q/*/")
    first = page.url
    page.locator("label", has_text="Pictures").click()
    page.wait_for_url(lambda url: "/q/" in url and url != first)
    expect(page.get_by_role("heading", name="Matching pictures")).to_be_visible()
    expect(page.locator("[data-hit-link]").first).to_have_text("Red pump")
    expect(page.get_by_alt_text("The photo that was searched with")).to_be_visible()


def test_more_like_this_asks_with_the_document(site: Site, page: Page) -> None:
    _search(site, page, "a blue valve")
    first = page.url
    page.locator("[data-hit]", has_text="Blue valve").get_by_role("button", name="More like this").click()
    page.wait_for_url(lambda url: "/q/" in url and url != first)
    expect(page.locator(".asked")).to_contain_text("Blue valve")
    expect(page.locator("[data-hit-link]").first).to_have_text("Blue pump")


def test_a_member_narrows_the_search_to_a_collection(site: Site, open_context, client) -> None:
    member = User.objects.create_user("member")
    Membership.objects.create(collection=site.private, user=member)
    client.force_login(member)
    context = open_context()
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}])
    page = context.new_page()
    _search(site, page, "a red motor")
    expect(page.locator("[data-hit-link]").first).to_have_text("Secret red motor")
    first = page.url
    page.locator("[data-filter-menu] summary", has_text="Collection").click()
    page.get_by_label("Vault").check()
    page.get_by_role("button", name="Show results").click()
    page.wait_for_url(lambda url: url.endswith("?collections=vault") and url != first)
    expect(page.locator("[data-hit-link]")).to_have_text(["Secret red motor"])


def test_a_shared_link_shows_others_what_they_may_see(site: Site, open_context, client) -> None:
    member = User.objects.create_user("member")
    Membership.objects.create(collection=site.private, user=member)
    client.force_login(member)
    mine = open_context()
    mine.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}])
    page = mine.new_page()
    address = _search(site, page, "a red motor")
    titles = page.locator("[data-hit-link]").all_inner_texts()
    assert titles[0] == "Secret red motor"
    other = open_context().new_page()
    other.goto(address)
    shown = other.locator("[data-hit-link]").all_inner_texts()
    assert "Secret red motor" not in other.content()
    assert shown[:5] == titles[1:6]


def test_the_link_is_copied(site: Site, open_context) -> None:
    context = open_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    page = context.new_page()
    address = _search(site, page)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address


def test_the_keyboard_goes_through_the_hits(site: Site, page: Page) -> None:
    _search(site, page)
    links = page.locator("[data-hit-link]")
    page.locator("main").focus()
    for key, expected in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        expect(links.nth(expected)).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#words")).to_be_focused()
    page.keyboard.type("jk")
    expect(page.locator("#words")).to_have_value("jk")


def test_everything_works_without_javascript(site: Site, open_context) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    page.locator(".drop").get_by_role("button", name="Search").click()
    page.wait_for_url("**/q/*/")
    expect(page.locator("[data-hit-link]").first).to_have_text(re.compile("^Red"))
    hit = page.locator("[data-hit]").first
    hit.get_by_role("button", name="Relevant", exact=True).click()
    expect(hit.get_by_role("button", name="Relevant", exact=True)).to_have_attribute("aria-pressed", "true")
    hit.get_by_role("button", name="Undo").click()
    expect(hit.get_by_role("button", name="Undo")).to_have_count(0)
    page.get_by_role("link", name="Show more").click()
    expect(page.get_by_role("heading", name="More results")).to_be_visible()
    page.go_back()
    page.locator("label", has_text="Pictures").click()
    page.get_by_role("button", name="Search again").click()
    expect(page.get_by_role("heading", name="Matching pictures")).to_be_visible()
    page.fill("#words", "a green valve")
    page.keyboard.press("Enter")
    expect(page.locator("[data-hit-link]").first).to_have_text("Green pump")  # pictures stay chosen


def test_without_javascript_an_empty_search_says_what_is_missing(site: Site, open_context, watch) -> None:
    watch.expected.append("Failed to load resource")
    page = open_context(java_script_enabled=False).new_page()
    page.goto(site.url)
    page.locator(".drop").get_by_role("button", name="Search").click()
    expect(page.locator("main")).to_contain_text("Choose a photo or write what you are looking for.")


def test_who_asked_deletes_their_search_from_its_page(site: Site, open_context, watch) -> None:
    context = open_context()
    page = context.new_page()
    address = _search(site, page)
    stranger = open_context().new_page()
    stranger.goto(address)
    expect(stranger.get_by_role("link", name="Delete this search")).to_have_count(0)
    page.get_by_role("link", name="Delete this search").click()
    expect(page.get_by_role("heading", name="Delete this search?")).to_be_visible()
    assert accessibility_problems(page) == []
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="The search is deleted.")).to_be_visible()
    assert accessibility_problems(page) == []
    watch.expected.append("Failed to load resource")
    assert stranger.goto(address).status == 404


def test_a_picture_that_became_private_is_not_shown_from_the_browsers_cache(site: Site, page, watch) -> None:
    document = site.documents["red"]
    picture = f"/images/{document.images.get().blob_id}?w=320"
    shown = f"/documents/{document.pk}/"
    page.goto(site.at(shown))
    assert page.evaluate(LOADS, picture)
    page.goto(site.at("/collections/"))
    with page.expect_response(lambda response: picture in response.url) as kept:
        assert page.evaluate(LOADS, picture)
    assert kept.value.request.all_headers().get("if-none-match")
    Collection.objects.filter(pk=site.notes.pk).update(visibility="private")
    watch.expected.append("Failed to load resource")
    page.goto(site.at("/login/"))
    assert not page.evaluate(LOADS, picture)
