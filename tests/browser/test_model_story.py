"""The first hour with models, walked in one go by the words of docs/models.md."""

from __future__ import annotations

import html
import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from playwright.sync_api import expect

from models_admin.models import ModelVersion
from models_admin.services import champion, version_find
from search.models import Judgement, Passage, SideBySide
from search.services.document_fields import DocumentFields
from search.services.documents import DocumentRecord, documents_save, encode_soon
from tests.search.adapting.conftest import mark
from tests.support.browser import administrator
from tests.support.hub_server import HubServer, served_hub
from tests.support.published_graphs import WORDS, repository_files
from tests.support.workers import wait_until
from workers.hub.catalogue import catalogue
from workers.jobs.runner import run_job_inline
from workers.models import Job

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.browser import Site

DOCS = Path(__file__).parents[2] / "docs" / "models.md"
GOT = "clip-vit-b-32"
NOTES = ["-".join(three) for three in itertools.islice(itertools.combinations(WORDS[2:], 3), 96)]
"""Of three words each that the model from the hub can read."""


@pytest.fixture
def _hub(monkeypatch, tmp_path):
    """The catalogue's first model lies on a hub of this machine, as a tiny one of the same layout."""
    known = replace(catalogue()[GOT], repository="some/model", revision="main")
    monkeypatch.setitem(catalogue(), GOT, known)
    with served_hub(HubServer("some/model", repository_files())) as endpoint:
        hub = {"hub_endpoint": endpoint, "hub_cache": tmp_path / "hub", "hub_offline": False}
        monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, **hub))
        yield


@pytest.fixture
def _notes(site: Site):
    """The notes are documents of the site, and encoded."""
    records = [DocumentRecord(name, DocumentFields(title="", body=name.replace("-", " "))) for name in NOTES]
    documents_save(collection=site.notes, records=records)
    assert run_job_inline(encode_soon()).state == "succeeded"


class Walk:
    """Somebody on the pages, who remembers everything that stood there."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page, self.site, self.seen = page, site, ""

    def look(self) -> None:
        """Read the page."""
        self.seen += " ".join(html.unescape(self.page.content()).split())

    def open(self, path: str) -> None:
        """Go to a page and read it."""
        self.page.goto(self.site.at(path))
        self.look()

    def follow(self, name: str | re.Pattern[str]) -> None:
        """Follow a link and read where it leads."""
        self.page.get_by_role("link", name=name).first.click()
        self.page.wait_for_load_state()
        self.look()

    def press(self, name: str | re.Pattern[str]) -> None:
        """Press a button and read what comes of it."""
        self.page.get_by_role("button", name=name).click()
        self.page.wait_for_load_state()
        self.look()

    def version_page(self, key: str) -> None:
        """Open a version from the list of versions."""
        self.open("/admin/models_admin/modelversion/")
        self.page.get_by_role("link", name=key, exact=True).click()
        self.page.wait_for_url("**/change/")
        self.look()


def work(job_type: str) -> None:
    """Do the jobs of this type, as bulk workers would, once a button has made them."""
    queued = Job.objects.filter(type=job_type, state="queued")
    wait_until(queued.exists, seconds=20, what=f"a job {job_type}")
    for job in queued:
        done = run_job_inline(job)
        assert done.state == "succeeded", done.error


@pytest.mark.usefixtures("_hub", "_notes")
def test_the_first_hour_goes_as_the_docs_tell_it(site: Site, open_context) -> None:
    before = champion()
    walk = Walk(administrator(open_context(), site.url), site)
    _get_a_model(walk)
    _ask_what_is_known(walk)
    _search_and_mark(walk)
    _let_the_marks_improve_it(walk)
    _compare_blindly(walk)
    _switch(walk)
    _go_back(walk, before)
    section = DOCS.read_text().partition("\n## A first hour\n")[2].partition("\n## ")[0]
    steps = re.findall(r"^\d\. (.+?)(?=^\d\. |\Z)", section, re.MULTILINE | re.DOTALL)
    named = [name for step in steps for name in re.findall(r"\*\*(.+?)\*\*", step)[1:]]
    assert len(steps) == 8
    assert len(named) > 20
    assert [name for name in named if name not in walk.seen] == []


def _get_a_model(walk: Walk) -> None:
    walk.open("/admin/")
    walk.follow("Model versions")
    walk.follow("Catalogue")
    walk.press(f"Get {catalogue()[GOT].title}")
    walk.page.wait_for_url("**/workers/job/**")
    work("get_model")
    work("prepare")
    walk.version_page(f"{GOT}@1")
    expect(walk.page.locator(".state-ready")).to_be_visible()


def _ask_what_is_known(walk: Walk) -> None:
    walk.open("/admin/")
    walk.follow("Evaluation sets")
    walk.follow(re.compile("Add evaluation set", re.IGNORECASE))
    walk.page.get_by_label("Name").fill("Our pumps")
    walk.page.get_by_label(re.compile("documents of a collection")).check()
    walk.page.get_by_label("Collection:", exact=True).select_option(label="Notes")
    walk.press("Make the set")
    where = walk.page.url
    walk.press("Measure 2 ready versions")
    walk.page.wait_for_selector("text=queued")
    work("evaluate")
    walk.page.goto(where)
    walk.look()
    results = walk.page.get_by_role("region", name="Results")
    for key in (f"{GOT}@1", str(champion())):
        expect(results).to_contain_text(key)


def _search_and_mark(walk: Walk) -> None:
    walk.open("/")
    walk.page.fill("#words", "a red pump")
    walk.page.keyboard.press("Enter")
    walk.page.wait_for_url("**/q/*/**")
    walk.look()
    hits = walk.page.locator("[data-hit]")
    hits.nth(0).get_by_role("button", name="Relevant", exact=True).click()
    expect(hits.nth(0).locator(".verdict.yes")).to_have_attribute("aria-pressed", "true")
    hits.nth(1).get_by_role("button", name="Not relevant", exact=True).click()
    expect(hits.nth(1).locator(".verdict.no")).to_have_attribute("aria-pressed", "true")
    assert sorted(Judgement.objects.values_list("grade", flat=True)) == [0, 2]
    # Others mark meanwhile what they find, with a camera that the model does not know.
    notes = Passage.objects.filter(document__external_id__in=NOTES).order_by("pk")
    mark(version_find(f"{GOT}@1"), count=90, seed=1, length=2, among=notes)


def _let_the_marks_improve_it(walk: Walk) -> None:
    walk.version_page(f"{GOT}@1")
    walk.press("Learn from marks")
    walk.page.wait_for_selector("text=learns from marks")
    work("learn_from_marks")
    walk.version_page(f"{GOT}@1")
    expect(walk.page.get_by_role("region", name="Learn from marks")).to_contain_text(f"See {GOT}@2.")
    assert ModelVersion.objects.get(name=GOT, number=2).state == "ready"


def _compare_blindly(walk: Walk) -> None:
    walk.version_page(f"{GOT}@2")
    walk.follow("See it side by side")
    walk.page.get_by_label("Words").fill("a red pump")
    walk.page.get_by_label("Blind: show them as A and B until I have said which is better").check()
    walk.press("Ask both")
    walk.page.wait_for_selector(".versus-hit")
    walk.look()
    walk.press("B is better")
    expect(walk.page.locator(".note[role=status]")).to_contain_text("You preferred B")
    assert SideBySide.objects.get().preference in ("first", "second")


def _switch(walk: Walk) -> None:
    walk.version_page(f"{GOT}@2")
    walk.follow("Activate")
    expect(walk.page.locator(".verdicts")).to_contain_text("Evaluation sets")
    walk.page.get_by_label("Why?").fill("Its first hits are better.")
    walk.press("Activate")
    walk.page.wait_for_selector(f"text={GOT}@2 answers searches now")
    walk.look()
    expect(walk.page.locator("body")).to_contain_text("Its first hits are better.")
    assert str(champion()) == f"{GOT}@2"


def _go_back(walk: Walk, before: ModelVersion | None) -> None:
    walk.version_page(f"{GOT}@2")
    walk.follow(re.compile("Roll back to"))
    walk.press(re.compile("Roll back to"))
    walk.page.wait_for_selector("text=Rolled back")
    walk.look()
    assert champion() == before
