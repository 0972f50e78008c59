"""Many photos at once, and what is new for a saved search, in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from retrieval_site.accounts.models import User
from search.models import PhotoBatch, SavedSearch, SearchFinding
from tests.browser.test_saved_searches import signed_in
from tests.support.browser import DESKTOP, PHONE, accessibility_problems, overflow
from tests.support.corpus import picture
from tests.support.queries import make_query
from tests.support.tiny_bundle import COLOURS
from workers.jobs.runner import run_job_inline

if TYPE_CHECKING:
    from tests.support.browser import Site

FILES = [
    {"name": f"{colour}.jpg", "mimeType": "image/jpeg", "buffer": picture(COLOURS[colour], size=(400, 300))}
    for colour in ("red", "blue")
]
FILES.append({"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"no photo"})


@pytest.mark.parametrize("script", [True, False], ids=["javascript", "no javascript"])
def test_photos_are_sent_together_and_a_table_says_what_each_found(
    site: Site, open_context, script: bool
) -> None:
    page = signed_in(open_context(java_script_enabled=script), site)
    page.goto(site.at("/searches/"))
    page.get_by_role("link", name="Many photos at once").click()
    page.get_by_label("Photos, or one zip").set_input_files(FILES)
    page.get_by_role("button", name="Search with all of them").click()
    page.wait_for_url("**/photos/*-*/")
    run_job_inline(PhotoBatch.objects.get().job)
    page.reload()
    row = page.get_by_role("row").filter(has_text="blue.jpg")
    expect(row.get_by_role("link").first).to_contain_text("Blue")
    expect(page.locator(".row", has_text="broken.jpg")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "photos.csv"
    page.get_by_role("button", name="Delete these photos").click()
    expect(page.get_by_role("heading", name="Many photos at once")).to_be_visible()
    assert not PhotoBatch.objects.exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_pages_are_accessible_and_fit(site: Site, open_context, scheme: str, viewport) -> None:
    page = signed_in(open_context(color_scheme=scheme, viewport=viewport), site)
    ann = User.objects.get(username="ann")
    query = make_query(modality="text", text="a red pump", user=ann)
    saved = SavedSearch.objects.create(query=query, user=ann, name="Red pumps", alerts="page")
    SearchFinding.objects.create(saved=saved, document=site.documents["red"])

    def check() -> None:
        page.wait_for_load_state("networkidle")
        assert (accessibility_problems(page), overflow(page)) == ([], 0), page.url

    page.goto(site.at("/searches/"))
    page.locator("summary", has_text="Telling you").click()
    check()
    page.get_by_role("link", name="1 new for Red pumps").click()
    expect(page.get_by_text("New", exact=True)).to_be_visible()
    check()
    page.goto(site.at("/photos/"))
    page.get_by_label("Photos, or one zip").set_input_files(FILES)
    check()
    page.get_by_role("button", name="Search with all of them").click()
    page.wait_for_url("**/photos/*-*/")
    check()
    run_job_inline(PhotoBatch.objects.get().job)
    page.reload()
    check()
