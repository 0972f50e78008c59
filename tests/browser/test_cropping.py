"""A part of the photo that was searched with: drawn, dragged, moved by keys, turned; with and without scripts."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from search.models import Query
from tests.support.browser import PHONE, accessibility_problems
from tests.support.tiny_bundle import COLOURS

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Locator, Page

    from tests.support.browser import Site

LEFT, RIGHT = "red", "blue"
"""The photo's halves."""


def halves() -> bytes:
    image = Image.new("RGB", (2, 1))
    image.putdata([COLOURS[LEFT], COLOURS[RIGHT]])
    target = io.BytesIO()
    image.resize((800, 600), Image.Resampling.NEAREST).save(target, "JPEG", quality=95)
    return target.getvalue()


PHOTO = {"name": "halves.jpg", "mimeType": "image/jpeg", "buffer": halves()}


def _search(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.set_input_files("#photo", PHOTO)
    page.wait_for_url("**/q/*/")


def _opened(site: Site, page: Page) -> Locator:
    _search(site, page)
    page.get_by_role("button", name="Search a part").click()
    dialog = page.get_by_role("dialog", name="Search a part of the photo")
    expect(dialog.locator("[data-crop-box]")).to_be_focused()
    return dialog


def _drag(page: Page, dialog: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag with the mouse between two places, as fractions of the photo."""
    area = dialog.locator("[data-crop-view]").bounding_box()
    assert area
    places = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=4)
    page.mouse.up()


def _expect_found(page: Page, colour: str, address: str) -> None:
    page.wait_for_url(lambda url: url != address)
    expect(page.locator("[data-hit]").first).to_contain_text(
        re.compile(rf"{colour} (pump|valve)", re.IGNORECASE)
    )
    expect(page.locator(".asked-caption")).to_have_text("A part of the photo")
    expect(page.locator(".asked-part")).to_be_visible()


def _newest() -> tuple[list[float] | None, int]:
    part = Query.objects.first().parts.get()
    return part.crop, part.turn


def test_a_part_is_drawn_with_the_mouse_and_searched_by(site: Site, page: Page) -> None:
    dialog = _opened(site, page)
    address = page.url
    assert accessibility_problems(page) == []
    _drag(page, dialog, (0.95, 0.9), (0.6, 0.1))  # beside the first box, from its end to its start
    dialog.get_by_role("button", name="Search this part").click()
    _expect_found(page, RIGHT, address)
    assert _newest() == (pytest.approx([0.6, 0.1, 0.35, 0.8], abs=0.01), 0)


def test_the_box_is_dragged_by_a_corner_and_as_a_whole(site: Site, page: Page) -> None:
    dialog = _opened(site, page)
    address = page.url
    _drag(page, dialog, (0.8, 0.8), (0.4, 0.6))
    _drag(page, dialog, (0.3, 0.4), (0.9, 0.4))  # further than the photo goes
    dialog.get_by_role("button", name="Search this part").click()
    _expect_found(page, RIGHT, address)
    assert _newest() == (pytest.approx([0.8, 0.2, 0.2, 0.4], abs=0.01), 0)


def test_the_box_is_moved_and_sized_by_keys(site: Site, page: Page) -> None:
    dialog = _opened(site, page)
    address = page.url
    for key, times in (("Shift+ArrowLeft", 20), ("ArrowLeft", 3), ("Shift+ArrowUp", 5), ("ArrowDown", 2)):
        for _ in range(times):
            page.keyboard.press(key)
    expect(dialog.get_by_role("status")).to_have_text(
        "14 % from the left, 24 % from the top, 20 % wide, 50 % high"
    )
    page.keyboard.press("Enter")
    _expect_found(page, LEFT, address)
    assert _newest() == (pytest.approx([0.14, 0.24, 0.2, 0.5], abs=0.001), 0)


def test_a_click_beside_the_box_and_escape_change_nothing(site: Site, page: Page) -> None:
    dialog = _opened(site, page)
    box = dialog.locator("[data-crop-box]")
    before = box.bounding_box()
    _drag(page, dialog, (0.05, 0.05), (0.06, 0.06))
    assert box.bounding_box() == before
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert Query.objects.count() == 1


def test_a_photo_is_turned_with_its_box_and_a_part_is_widened_again(site: Site, page: Page) -> None:
    dialog = _opened(site, page)
    address = page.url
    _drag(page, dialog, (0.0, 0.0), (0.4, 1.0))  # all of the left, which is the upper part once turned
    dialog.get_by_role("button", name="Turn").click()
    dialog.get_by_role("button", name="Search this part").click()
    _expect_found(page, LEFT, address)
    assert _newest() == (pytest.approx([0, 0, 1, 0.4], abs=0.01), 90)
    photo = page.locator("[data-crop-shown]")
    assert photo.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [480, 640]
    address = page.url
    page.get_by_role("button", name="Another part").click()
    page.get_by_role("button", name="Whole photo").click()
    page.wait_for_url(lambda url: url != address)
    expect(page.locator(".asked-caption")).to_have_text("The photo")
    assert _newest() == (None, 90)


def test_a_finger_draws_a_part_on_a_phone(site: Site, open_context: Callable[..., BrowserContext]) -> None:
    page = open_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page()
    dialog = _opened(site, page)
    address = page.url
    area = dialog.locator("[data-crop-view]").bounding_box()
    assert area
    touch = page.context.new_cdp_session(page)
    for kind, places in (
        ("touchStart", [(0.95, 0.95)]),
        ("touchMove", [(0.7, 0.5)]),
        ("touchMove", [(0.6, 0.05)]),
        ("touchEnd", []),
    ):
        points = [
            {"x": area["x"] + x * area["width"], "y": area["y"] + y * area["height"]} for x, y in places
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    dialog.get_by_role("button", name="Search this part").click()
    _expect_found(page, RIGHT, address)
    assert _newest() == (pytest.approx([0.6, 0.05, 0.35, 0.9], abs=0.02), 0)


def test_without_scripts_a_form_names_the_parts(
    site: Site, open_context: Callable[..., BrowserContext]
) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(site.url)
    page.set_input_files("#photo", PHOTO)
    page.locator("form[data-search] .drop-buttons").get_by_role("button", name="Search").click()
    page.wait_for_url("**/q/*/")
    address = page.url
    page.get_by_text("A part of the photo", exact=True).click()
    page.get_by_label("Turn it clockwise").select_option("by 180°")
    page.get_by_label("Then search").select_option("the left half")
    page.locator(".crop-form").get_by_role("button", name="Search").click()
    _expect_found(page, RIGHT, address)
    assert _newest() == ([0, 0, 0.5, 1], 180)
    assert re.search(r"/q/[0-9a-f-]+/$", page.url)
