"""A photo's ways in: chosen, dropped, pasted, taken; and words."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from retrieval_site.errors import AppError
from search import retrieval
from tests.support.browser import PHONE, REFUSED
from tests.support.corpus import picture
from tests.support.picture_server import sends, served
from tests.support.tiny_bundle import COLOURS
from tests.support.workers import PICTURE_PORT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.support.browser import Site, Watch
    from tests.support.picture_server import PictureServer

RED = picture(COLOURS["red"], size=(400, 300))
FILE = {"name": "red.jpg", "mimeType": "image/jpeg", "buffer": RED}


def _first_title(page: Page) -> str:
    page.wait_for_url("**/q/*/")
    return page.locator("[data-hit-link]").first.inner_text()


def _wait_for(page: Page, condition: str) -> None:
    """Wait for a condition in the page; Playwright's own way evaluates strings there, which the policy forbids."""
    wait_until(lambda: page.evaluate(condition), seconds=20, what=condition)


def _transfer(page: Page, data: bytes, kind: str, name: str):
    written = base64.b64encode(data).decode()
    script = """([data, type, name]) => {
        const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], name, { type }));
        return transfer;
    }"""
    return page.evaluate_handle(script, [written, kind, name])


def test_a_chosen_photo_finds_its_document_and_stays_in_view(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    assert _first_title(page).startswith("Red")
    photo = page.get_by_alt_text("The photo that was searched with")
    page.mouse.wheel(0, 1500)
    _wait_for(page, "scrollY > 500")
    assert photo.evaluate("e => e.naturalWidth") == 400
    assert photo.bounding_box()["y"] >= 0


@pytest.mark.parametrize("path", ["/", "/collections/"], ids=["home", "elsewhere"])
def test_a_photo_may_be_dropped_anywhere_on_any_page(site: Site, page: Page, path: str) -> None:
    page.goto(site.at(path))
    transfer = _transfer(page, RED, "image/jpeg", "red.jpg")
    page.dispatch_event("footer", "dragenter", {"dataTransfer": transfer})
    if path == "/":
        expect(page.locator("[data-search]")).to_have_class("ask dragging")
    else:
        expect(page.get_by_text("Drop to search")).to_be_visible()
    page.dispatch_event("footer", "dragover", {"dataTransfer": transfer})
    page.dispatch_event("footer", "drop", {"dataTransfer": transfer})
    assert _first_title(page).startswith("Red")


def test_a_photo_is_pasted_from_the_real_clipboard(site: Site, open_context) -> None:
    context = open_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    page = context.new_page()
    page.goto(site.url)
    png = io.BytesIO()
    Image.open(io.BytesIO(picture(COLOURS["blue"], size=(300, 200)))).save(png, "PNG")
    page.evaluate(
        """async (data) => {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            const png = new Blob([bytes], { type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
        }""",
        base64.b64encode(png.getvalue()).decode(),
    )
    page.keyboard.press("Control+V")
    assert _first_title(page).startswith("Blue")


def test_pasted_words_go_into_the_text_box(site: Site, open_context) -> None:
    context = open_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    page = context.new_page()
    page.goto(site.url)
    page.evaluate("navigator.clipboard.writeText('a green valve')")
    page.keyboard.press("/")
    page.keyboard.press("Control+V")
    page.keyboard.press("Enter")
    assert _first_title(page) == "Green valve"


def test_the_camera_takes_the_photo(site: Site, open_context) -> None:
    context = open_context()
    context.grant_permissions(["camera"], origin=site.url)
    page = context.new_page()
    page.goto(site.url)
    page.get_by_role("button", name="Use the camera").click()
    shoot = page.get_by_role("button", name="Search with this")
    expect(shoot).to_be_enabled()
    shoot.click()
    page.wait_for_url("**/q/*/")
    assert page.get_by_alt_text("The photo that was searched with").evaluate("e => e.naturalWidth") > 300


def test_closing_the_camera_lets_it_go(site: Site, open_context) -> None:
    context = open_context()
    context.grant_permissions(["camera"], origin=site.url)
    page = context.new_page()
    page.goto(site.url)
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_role("button", name="Search with this")).to_be_enabled()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    # The dialog is hidden a moment before its "close" event, which lets the camera go.
    _wait_for(page, "document.querySelector('[data-camera-video]').srcObject === null")


def test_words_find_their_document(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.fill("#words", "a yellow valve")
    page.keyboard.press("Enter")
    assert _first_title(page) == "Yellow valve"
    expect(page.locator(".asked")).to_contain_text("a yellow valve")


def test_pictures_are_searched_when_they_are_the_target(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.locator("label", has_text="Pictures").click()
    page.set_input_files("#photo", files=[FILE])
    assert _first_title(page) == "Red pump"
    expect(page.get_by_role("heading", name="Matching pictures")).to_be_visible()


def test_a_large_photo_is_made_smaller_before_it_is_sent(
    site: Site, page: Page, tmp_path: Path, watch: Watch
) -> None:
    watch.expected += ["ERR_FAILED", "htmx:"]  # as the request is cut off below
    big = tmp_path / "big.jpg"
    Image.effect_noise((4000, 3000), 80).convert("RGB").save(big, quality=95)
    page.goto(site.url)
    page.route("**/search/", lambda route: route.abort())
    page.set_input_files("#photo", big)
    expect(page.get_by_text("The server cannot be reached")).to_be_visible()
    script = "createImageBitmap(document.querySelector('#photo').files[0]).then(p => [p.width, p.height])"
    assert page.evaluate(script) == [1600, 1200]


def test_a_file_that_is_no_photo_is_refused_before_it_is_sent(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.set_input_files(
        "#photo", files=[{"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}]
    )
    expect(page.get_by_role("alert")).to_contain_text("Not a photo")
    assert page.url == site.at("/")


def test_a_photo_over_the_limit_is_refused_before_it_is_sent(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.evaluate("document.querySelector('[data-search]').dataset.maxBytes = '1000'")
    page.set_input_files("#photo", files=[FILE])
    expect(page.get_by_role("alert")).to_contain_text("That photo is too large")
    expect(page.locator("[data-stage]")).to_be_hidden()


def test_a_damaged_photo_is_explained_and_another_can_follow(site: Site, page: Page, watch: Watch) -> None:
    watch.expected += REFUSED
    page.goto(site.url)
    page.set_input_files("#photo", files=[{**FILE, "buffer": RED[:700]}])
    expect(page.get_by_role("alert")).to_contain_text("image.truncated")
    page.set_input_files("#photo", files=[FILE])
    assert _first_title(page).startswith("Red")


def test_when_no_worker_answers_the_photo_can_be_sent_again(
    site: Site, page: Page, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.expected += REFUSED
    working = retrieval.search

    def away(request: object) -> None:
        raise AppError.quoting("encoder.unavailable", "Nobody is there to look at the photo.")

    monkeypatch.setattr(retrieval, "search", away)
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    retry = page.get_by_role("button", name="Try again")
    expect(retry).to_be_visible()
    monkeypatch.setattr(retrieval, "search", working)
    retry.click()
    assert _first_title(page).startswith("Red")


def test_a_phone_offers_its_own_camera(site: Site, open_context) -> None:
    page = open_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page()
    page.goto(site.url)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Use the camera").tap()
    chooser.value.set_files(files=[FILE])
    assert _first_title(page).startswith("Red")


def test_a_failure_that_nobody_foresaw_is_told_in_place(
    site: Site, page: Page, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.expected += REFUSED

    def broken(request: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(retrieval, "search", broken)
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    expect(page.get_by_role("alert")).to_contain_text("Something broke on our side")
    expect(page.locator("[data-stage]")).to_be_hidden()
    assert page.url == site.at("/")


def test_an_example_photo_is_one_click(site: Site, page: Page, settings, tmp_path: Path) -> None:
    folder = tmp_path / "demo" / "examples"
    folder.mkdir(parents=True)
    (folder / "red-pump.jpg").write_bytes(RED)
    (folder / "examples.json").write_text('[{"key": "red-pump", "label": "red pump"}]')
    settings.DATA_DIR = tmp_path
    page.goto(site.url)
    page.get_by_role("button", name="red pump").click()
    assert _first_title(page).startswith("Red")
    expect(page.get_by_alt_text("The photo that was searched with")).to_be_visible()


def test_a_search_that_is_not_kept_shows_its_hits_in_place_of_the_page(
    site: Site, page: Page, settings
) -> None:
    settings.CONFIG = replace(settings.CONFIG, keep_queries=False)
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    expect(page.locator("[data-hit-link]").first).to_contain_text("Red")
    expect(page.get_by_role("button", name="Copy link")).to_have_count(0)
    expect(page).to_have_title("Your photo · Sightline")
    page.goto(
        site.at("/collections/")
    )  # here the form stands outside of what is replaced, and can be used again
    for _ in range(2):
        page.set_input_files("#photo", files=[FILE])
        expect(page.locator("[data-hit-link]").first).to_contain_text("Red")
        expect(page.locator("[data-search]")).not_to_have_attribute("aria-busy", "true")


@pytest.fixture
def other_site(settings) -> Iterator[PictureServer]:
    """Another site with a picture, which workers of tests may ask."""
    settings.CONFIG = replace(settings.CONFIG, picture_url_ports=[80, 443, PICTURE_PORT])
    with served(
        {"/red.jpg": sends(RED), "/page": sends(b"<!doctype html>" * 9)}, port=PICTURE_PORT
    ) as running:
        yield running


def test_several_photos_are_chosen_for_one_search(site: Site, page: Page) -> None:
    blue = {**FILE, "name": "blue.jpg", "buffer": picture(COLOURS["blue"], size=(400, 300))}
    page.goto(site.url)
    page.set_input_files("#photo", [FILE, blue])
    page.wait_for_url("**/q/*/")
    hits = page.locator("[data-hit-link]")
    expect(hits.first).to_be_visible()
    found = " ".join(hits.all_inner_texts()[:4]).lower()
    assert found.count("red") == found.count("blue") == 2


def test_too_many_photos_are_not_sent(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.set_input_files("#photo", [{**FILE, "name": f"{number}.jpg"} for number in range(9)])
    expect(page.locator("#notice")).to_contain_text("Too many photos")


def _drop_link(page: Page, link: str) -> None:
    transfer = page.evaluate_handle(
        "link => { const all = new DataTransfer(); all.setData('text/uri-list', link); return all; }", link
    )
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})


def test_a_picture_of_another_site_is_dropped(site: Site, page: Page, other_site: PictureServer) -> None:
    page.goto(site.at("/collections/"))
    _drop_link(page, f"http://localhost:{PICTURE_PORT}/red.jpg")
    assert _first_title(page).startswith("Red")
    expect(page.get_by_alt_text("The photo that was searched with")).to_be_visible()


def test_a_link_to_a_page_is_explained_and_the_text_box_keeps_it(
    site: Site, page: Page, watch: Watch, other_site: PictureServer
) -> None:
    watch.expected += REFUSED
    page.goto(site.url)
    link = f"http://localhost:{PICTURE_PORT}/page"
    page.fill("#words", link)
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("No picture at that address")
    expect(page.locator("#words")).to_have_value(link)


def test_a_picture_of_this_site_is_dropped_without_asking_another_one(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.locator("form[data-search]").wait_for()
    image = site.documents["blue"].images.get()
    _drop_link(page, site.at(f"/images/{image.blob_id}"))
    assert _first_title(page).startswith("Blue")


def test_where_nothing_is_fetched_a_link_is_only_a_link(site: Site, page: Page, settings) -> None:
    settings.CONFIG = replace(settings.CONFIG, picture_urls=False)
    page.goto(site.url)
    _drop_link(page, "https://example.com/a.jpg")
    expect(page.locator("#notice")).to_contain_text("That was only a link")
