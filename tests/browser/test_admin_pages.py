"""The curator's and the operator's work, click by click: import with a dry run, a new model from upload to rollback."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from models_admin.models import Activation
from models_admin.services import champion
from retrieval_site.accounts.models import User
from search.models import (
    Announcement,
    Document,
    Invitation,
    Judgement,
    Membership,
    RecallMeasurement,
    Webhook,
)
from search.services.imports import import_start
from search.services.tokens import token_create
from tests.support.browser import DESKTOP, PHONE, Site, accessibility_problems, administrator, overflow
from tests.support.evaluated import evaluated
from tests.support.queries import make_query
from tests.support.tiny_bundle import make_tiny_bundle
from tests.support.workers import wait_until
from workers.jobs.runner import run_job_inline
from workers.models import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django.db.models import Model
    from playwright.sync_api import BrowserContext, Page

    from tests.support.browser import Watch

OWN_PAGES = [
    "accounts/user/{user}/password/",
    "accounts/user/?q=nobody-is-called-this",
    "search/collection/{collection}/import/",
    "search/document/?q=nothing-has-this",
    "search/document/?import={job}",
    "workers/job/{job}/undo/",
    "models_admin/modelversion/catalogue/",
    "nothing-is-here/",
]
"""Beside the pages that every model has."""
KINDS = ("change", "history", "delete")


@pytest.fixture
def admin(site: Site, open_context: Callable[..., BrowserContext]) -> Page:
    """A browser in which an administrator has signed in."""
    return administrator(open_context(), site.url)


def _run_queued() -> Job:
    """Do the newest job here, as a bulk worker would, once the button that was pressed has made it."""
    queued = Job.objects.filter(state="queued")
    wait_until(queued.exists, seconds=20, what="a queued job")
    return run_job_inline(queued.latest("created_at"))


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
    expect(admin.locator(".panel").first).to_contain_text("line 2")
    assert not Document.objects.filter(external_id="p9").exists()
    admin.click("text=Import this file now")
    admin.wait_for_selector("text=queued")
    _run_queued()
    admin.wait_for_selector(".state-succeeded")
    assert Document.objects.filter(external_id="p9").exists()


def test_an_import_is_undone_from_its_page(admin: Page, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    file.write_text('{"id": "p1", "title": "One"}\n{"id": "p2", "title": "Two"}')
    admin.goto(site.at(f"/admin/search/collection/{site.notes.pk}/import/"))
    admin.set_input_files("#id_file", file)
    admin.click("input[name=import]")
    admin.wait_for_selector("text=queued")
    _run_queued()
    admin.wait_for_selector(".state-succeeded")
    before = Document.objects.count()
    admin.get_by_role("link", name="Undo this import").click()
    admin.wait_for_selector("text=2 documents")
    admin.get_by_role("button", name="Remove 2 documents").click()
    admin.wait_for_selector("text=Undo import")
    _run_queued()
    admin.wait_for_selector(".state-succeeded")
    assert Document.objects.count() == before - 2


def test_what_a_page_renews_leaves_focus_and_buttons_in_place(admin: Page, site: Site) -> None:
    job = Job.objects.create(
        type="encode",
        state="running",
        stage="encode",
        total=10,
        done=1,
        owner=User.objects.get(username="root"),
    )
    admin.goto(site.at(f"/admin/workers/job/{job.pk}/change/"))
    button = admin.get_by_role("button", name="Cancel")
    button.focus()
    button.evaluate("button => button.mark = 'the same button'")
    for done in (2, 3):
        Job.objects.filter(pk=job.pk).update(done=done)
        admin.wait_for_selector(f"text={done} of 10")
        expect(button).to_be_focused()
    assert button.evaluate("button => button.mark") == "the same button"
    Job.objects.filter(pk=job.pk).update(state="succeeded", finished_at=timezone.now())
    admin.wait_for_selector(".state-succeeded")
    expect(button).to_have_count(0)
    expect(admin.locator(".panel").first).to_be_focused()  # not lost: the next Tab goes on from here


def test_a_button_that_changed_is_never_pressed_in_anothers_place(admin: Page, site: Site) -> None:
    job = Job.objects.create(type="encode", state="queued", owner=User.objects.get(username="root"))
    admin.goto(site.at(f"/admin/workers/job/{job.pk}/change/"))
    admin.get_by_role("button", name="Pause").focus()
    admin.get_by_role("button", name="Pause").evaluate("button => button.mark = 'pause'")
    Job.objects.filter(pk=job.pk).update(state="paused")
    resume = admin.get_by_role("button", name="Resume")
    expect(resume).to_be_visible()
    assert resume.evaluate("button => button.mark") is None


def test_a_panel_stops_asking_when_one_was_signed_out(admin: Page, site: Site) -> None:
    job = Job.objects.create(type="encode", state="running", stage="encode", total=10, done=1)
    admin.goto(site.at(f"/admin/workers/job/{job.pk}/change/"))
    with admin.expect_response(lambda answer: "/login/" in answer.url):
        Session.objects.all().delete()
    expect(admin.locator("#id_password")).to_have_count(0)
    expect(admin.locator(".panel").first).to_contain_text("1 of 10")


def test_a_model_goes_from_upload_to_champion_and_back(admin: Page, site: Site, tmp_path: Path) -> None:
    before = champion()
    admin.goto(site.at("/admin/models_admin/modelversion/add/"))
    admin.set_input_files("#id_bundle", make_tiny_bundle(tmp_path / "next.zip", name="next", seed=7))
    admin.click("text=Upload and validate")
    admin.wait_for_selector("text=next@1")
    _run_queued()
    admin.get_by_role("button", name="Prepare").click()
    _run_queued()
    admin.get_by_role("link", name="Activate").click()
    expect(admin.locator(".verdicts")).to_contain_text("blindly")
    admin.get_by_label("Why?").fill("It knows the new pumps.")
    admin.get_by_role("button", name="Activate").click()
    admin.wait_for_selector("text=next@1 answers searches now")
    assert str(champion()) == "next@1"
    expect(admin.locator("body")).to_contain_text("It knows the new pumps.")
    admin.get_by_role("link", name=re.compile("Roll back to")).click()
    admin.get_by_role("button", name=re.compile("Roll back to")).click()
    admin.wait_for_selector("text=Rolled back")
    assert champion() == before


def test_a_document_is_edited_with_its_pictures_and_passages_in_place(admin: Page, site: Site) -> None:
    admin.goto(site.at(f"/admin/search/document/{site.documents['red'].pk}/change/"))
    admin.wait_for_selector("img.thumbnail")
    expect(admin.locator(".field-passages_shown")).to_contain_text("The red pump is in the hall.")
    admin.fill("#id_body", "Now it is elsewhere.")
    admin.click("input[name=_save]")
    admin.wait_for_selector(".success")
    assert site.documents["red"].passages.get().text == "Now it is elsewhere."


@pytest.fixture
def full(site: Site, admin: Page) -> Site:
    """The site with a row of everything that the admin shows, and with what was done to each."""
    owner = User.objects.get(username="root")
    person = User.objects.create_user("curator", first_name="Ann", is_staff=True)
    person.groups.add(Group.objects.create(name="Curators"))
    Membership.objects.create(collection=site.notes, user=person, role="curator")
    token_create(user=person, name="nightly", scopes=["read"])
    query = make_query(modality="text", text="a red pump", version=champion(), user=person)
    Judgement.objects.create(
        query=query, document=site.documents["red"], user=person, grade=3, comment="Yes."
    )
    Activation.objects.create(alias="champion", version=champion(), reason="better", by=owner)
    evaluated(site.notes, champion())
    RecallMeasurement.objects.create(
        version=champion(), kind="passage", modality="text", index="hnsw", queries=20, rows=40, setting=64,
        recall=0.97, low=0.92, high=0.99, target=0.95, smallest=48, ladder=[[48, 0.96], [64, 0.97]],
    )  # fmt: skip
    Webhook.objects.create(name="Chat", url="https://chat.example/hook", events=["job.failed"], salt="s")
    Announcement.objects.create(text="Closed on Sunday: https://example.org/why", level="warning")
    now = timezone.now()
    Invitation.objects.create(email="new@x.example", invited_by=owner, sent_at=now, ends_at=now)
    for model, row in _rows():
        LogEntry.objects.create(
            user=owner, content_type=ContentType.objects.get_for_model(model), object_id=str(row.pk),
            object_repr=str(row), action_flag=CHANGE, change_message="[]",
        )  # fmt: skip
    return site


@pytest.fixture
def imported(full: Site) -> Job:
    """An import with a failed line and a warning, whose documents are there."""
    content = ContentFile(b'{"id": "i1", "title": "Imported"}\n{"title": "no id"}', name="notes.jsonl")
    owner = User.objects.get(username="root")
    job = run_job_inline(import_start(collection=full.notes, file=content, owner=owner))
    job.result["warnings"] = [{"id": "import.no_text", "message": "No text was found.", "detail": {}}]
    job.save()
    return job


def _rows() -> Iterator[tuple[type[Model], Model]]:
    """Yield each registered model with one row of it."""
    for model in django_admin.site._registry:
        row = model._default_manager.order_by("pk").first()
        assert row is not None, f"no {model.__name__} to look at"
        yield model, row


def _admin_addresses(site: Site, job: Job) -> list[str]:
    """Return every page of the admin: of each model its list, its form, and of one row all pages."""
    found = [reverse("admin:index")]
    for model, row in _rows():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found += [reverse("admin:app_list", args=[model._meta.app_label]), reverse(f"{name}_changelist")]
        found += [reverse(f"{name}_add")] if _may_be_added(model) else []
        found += [reverse(f"{name}_{kind}", args=[row.pk]) for kind in KINDS]
    ids = {"collection": site.notes.pk, "job": job.pk, "user": User.objects.get(username="curator").pk}
    found.append(reverse("admin:workers_job_change", args=[job.pk]))
    found += ["/admin/" + path.format(**ids) for path in OWN_PAGES]
    return [site.at(path) for path in dict.fromkeys(found)]


def _may_be_added(model: type[Model]) -> bool:
    request = RequestFactory().get("/")
    request.user = User.objects.get(username="root")
    return django_admin.site._registry[model].has_add_permission(request)


def _fields_end(page: Page) -> float:
    """Return the x of the rightmost edge of a form's fields: a card that hides its overflow would cut them off."""
    fields = "fields => Math.max(0, ...fields.map(field => field.getBoundingClientRect().right))"
    return float(page.eval_on_selector_all(".form-row :is(input, select, textarea)", fields))


def _open(page: Page, address: str) -> None:
    """Go to a page; what nobody may delete and what is not there have pages, too."""
    answer = page.goto(address)
    assert answer is not None
    assert answer.status in {200, 403 if "/delete/" in address else 200, 404 if "nothing" in address else 200}


def _problems(page: Page) -> set[str]:
    """Return what is wrong with the open page: wide in the light, and as on a phone in the dark."""
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")
    found = set(accessibility_problems(page))
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    found |= {"wider than a phone"} if overflow(page) > 0 else set()
    found |= {"a field is cut off"} if _fields_end(page) >= PHONE["width"] else set()
    return found | set(accessibility_problems(page))


def _delete_first(page: Page, site: Site, model: str) -> None:
    """Tick the first row of a model's list and go to the page that asks whether to delete it."""
    page.goto(site.at(reverse(f"admin:{model}_changelist")))
    page.locator("input.action-select").first.check()
    page.select_option("select[name=action]", "delete_selected")
    page.locator(".actions button[type=submit]").click()
    expect(page.get_by_role("button", name="Yes, I’m sure")).to_be_visible()


def test_every_admin_page_is_accessible_and_fits(
    admin: Page, full: Site, imported: Job, watch: Watch
) -> None:
    watch.expected.append("Failed to load resource")  # the pages that are not there
    addresses, problems = _admin_addresses(full, imported), set()
    assert len(addresses) > 40
    for address in addresses:
        _open(admin, address)
        problems |= {f"{address}: {line}" for line in _problems(admin)}
    assert not problems, "\n".join(sorted(problems))


@pytest.mark.parametrize("model", ["search_document", "search_collection", "accounts_user"])
def test_the_page_before_several_rows_are_deleted_is_accessible_and_fits(
    admin: Page, full: Site, model: str
) -> None:
    _delete_first(admin, full, model)
    assert _problems(admin) == set()


def test_the_admin_leads_to_the_sign_in_page_and_says_nothing_more(site: Site, page: Page) -> None:
    page.goto(site.at("/admin/"))
    assert _problems(page) == set()
    page.fill("#id_username", "nobody")
    page.fill("#id_password", "wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".login-error")).to_be_visible()
    assert _problems(page) == set()
