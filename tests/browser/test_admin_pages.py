"""The curator's and the operator's work, click by click: import with a dry run, a new model from upload to rollback."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from models_admin.services import champion
from search.models import Document
from tests.support.browser import DESKTOP, PHONE, Site, accessibility_problems, overflow
from tests.support.tiny_bundle import make_tiny_bundle
from workers.jobs.runner import run_job_inline
from workers.models import Job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

PASSWORD = "a long enough password"
ADMIN_PAGES = [
    "",
    "auth/user/{user}/change/",
    "models_admin/modelversion/",
    "models_admin/modelversion/{version}/change/",
    "search/apitoken/add/",
    "search/collection/",
    "search/collection/{collection}/change/",
    "search/collection/{collection}/import/",
    "search/document/",
    "search/document/?q=nothing-has-this",
    "search/document/add/",
    "search/document/{document}/change/",
    "search/query/",
    "workers/job/",
    "workers/job/{job}/change/",
]


OF_DJANGO = ("aria-prohibited-attr", "empty-table-header")
"""Rules that markup of Django's own breaks: the tooltip of its two-column choice, an inline's first column."""


@pytest.fixture
def admin(site: Site, open_context: Callable[..., BrowserContext]) -> Page:
    """A browser in which an administrator has signed in."""
    User.objects.create_superuser("root", password=PASSWORD)
    page = open_context().new_page()
    page.goto(site.at("/admin/"))
    page.fill("#id_username", "root")
    page.fill("#id_password", PASSWORD)
    page.click("input[type=submit]")
    page.wait_for_selector("#user-tools")
    return page


def _run_queued() -> Job:
    """Do the newest job here, as a bulk worker would."""
    return run_job_inline(Job.objects.filter(state="queued").latest("created_at"))


def test_a_file_is_checked_line_by_line_and_then_imported(admin: Page, site: Site, tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [{"external_id": "p9", "title": "Pump nine"}, {"title": "no id"}]
    file = tmp_path / "notes.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    admin.goto(site.at("/admin/search/collection/"))
    admin.locator("tr", has_text="notes").get_by_text("Import…").click()
    admin.set_input_files("#id_file", file)
    admin.click("input[name=check]")
    admin.wait_for_selector("text=queued")
    _run_queued()
    admin.wait_for_selector("text=import.missing_external_id")
    assert "line 2" in admin.inner_text(".panel")
    assert not Document.objects.filter(external_id="p9").exists()
    admin.click("text=Import this file now")
    admin.wait_for_selector("text=queued")
    _run_queued()
    admin.wait_for_selector(".state-succeeded")
    assert Document.objects.filter(external_id="p9").exists()


def test_a_model_goes_from_upload_to_champion_and_back(admin: Page, site: Site, tmp_path: Path) -> None:
    before = champion()
    admin.goto(site.at("/admin/models_admin/modelversion/add/"))
    admin.set_input_files("#id_bundle", make_tiny_bundle(tmp_path / "next.zip", name="next", seed=7))
    admin.click("text=Upload and validate")
    admin.wait_for_selector("text=next@1")
    _run_queued()
    admin.get_by_role("button", name="Prepare").click()
    _run_queued()
    admin.get_by_role("button", name="Activate").click()
    admin.wait_for_selector("text=next@1 answers searches now")
    assert str(champion()) == "next@1"
    admin.get_by_role("button", name=re.compile("Roll back to")).click()
    admin.wait_for_selector("text=Rolled back")
    assert champion() == before


def test_a_document_is_edited_with_its_pictures_and_passages_in_place(admin: Page, site: Site) -> None:
    admin.goto(site.at(f"/admin/search/document/{site.documents['red'].pk}/change/"))
    admin.wait_for_selector("img.thumbnail")
    assert "The red pump is in the hall." in admin.inner_text(".field-passages_shown")
    admin.fill("#id_body", "Now it is elsewhere.")
    admin.click("input[name=_save]")
    admin.wait_for_selector(".success")
    assert site.documents["red"].passages.get().text == "Now it is elsewhere."


def _admin_addresses(site: Site) -> list[str]:
    ids = {
        "collection": site.notes.pk,
        "document": site.documents["red"].pk,
        "job": Job.objects.latest("created_at").pk,
        "user": User.objects.get().pk,
        "version": champion().pk,
    }
    return [site.at("/admin/" + path.format(**ids)) for path in ADMIN_PAGES]


def _fields_end(page: Page) -> float:
    """Return the x of the rightmost edge of a form's fields: a card that hides its overflow would cut them off."""
    fields = "fields => Math.max(0, ...fields.map(field => field.getBoundingClientRect().right))"
    return float(page.eval_on_selector_all(".form-row :is(input, select, textarea)", fields))


def test_every_admin_page_is_accessible_and_fits(admin: Page, site: Site) -> None:
    problems: set[str] = set()
    for address in _admin_addresses(site):
        admin.set_viewport_size(DESKTOP)
        admin.emulate_media(color_scheme="light")
        answer = admin.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        problems |= {f"{address}: {line}" for line in accessibility_problems(admin)}
        admin.set_viewport_size(PHONE)
        admin.emulate_media(color_scheme="dark")
        assert overflow(admin) <= 0, address
        assert _fields_end(admin) < PHONE["width"], address
        problems |= {f"{address}: {line}" for line in accessibility_problems(admin, "wcag2aa", "wcag22aa")}
    assert {line for line in problems if not any(rule in line for rule in OF_DJANGO)} == set()
