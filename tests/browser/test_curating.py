"""Ticks of documents and the bar of what can be done with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from search.models import ChangeSet, Document
from tests.browser.test_saved_searches import signed_in
from tests.browser.test_uploads import slug  # noqa: F401  a fixture

if TYPE_CHECKING:
    from tests.support.browser import Site


def test_ticks_are_kept_while_looking_around_and_go_with_the_change(site: Site, open_context, slug) -> None:  # noqa: F811
    page = signed_in(open_context(), site)
    address = site.at(f"/curate/in/{slug}/")
    page.goto(address)
    boxes, shown = page.locator("[data-pick]"), page.locator("[data-picked]")
    number = boxes.count()
    assert number > 2
    expect(shown).to_have_text("")
    page.get_by_label("that match").check()
    boxes.first.check()
    expect(page.get_by_label("The ticked ones")).to_be_checked()  # who ticks one means the ticked ones
    first = boxes.first.input_value()
    page.goto(f"{address}?view=grid")
    page.goto(address)
    expect(page.locator(f"[data-pick][value='{first}']")).to_be_checked()
    expect(shown).to_have_text(": 1")

    page.get_by_role("button", name="Tick this page").click()
    expect(shown).to_have_text(f": {number}")
    page.get_by_role("button", name="Untick all").click()
    expect(shown).to_have_text("")
    expect(page.locator("[data-pick]:checked")).to_have_count(0)

    picked = [boxes.nth(at).input_value() for at in (0, 1)]
    for at in (0, 1):
        boxes.nth(at).check()
    bar = page.locator(".curate-actions")
    bar.get_by_text("Tags", exact=True).click()
    bar.get_by_label("Tags, with commas between").fill("checked, 2026")
    bar.get_by_role("button", name="Add", exact=True).click()
    expect(page).to_have_url(re.compile(r"/changes/\d+/$"))
    assert ChangeSet.objects.get().changes.count() == len(picked)
    tagged = Document.objects.filter(tags__contains=["checked", "2026"])
    assert sorted(str(pk) for pk in tagged.values_list("pk", flat=True)) == sorted(picked)
    page.goto(address)
    expect(shown).to_have_text("")  # what was sent is forgotten
