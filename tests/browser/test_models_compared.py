"""Evaluation sets with their curves, and two models side by side, blind and openly, as people use them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from models_admin.models import Alias
from models_admin.services import champion, version_prepare
from search.models import EvaluationSet, Judgement, SideBySide
from tests.support.browser import DESKTOP, PHONE, Site, accessibility_problems, administrator, overflow
from tests.support.corpus import tiny_version
from tests.support.evaluated import evaluated
from workers.jobs.runner import run_job_inline
from workers.models import Job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

SIZES = {"desktop": DESKTOP, "phone": PHONE}


@pytest.fixture
def other(site: Site, tmp_path: Path):
    """A second model with the same documents, which is the challenger."""
    version = tiny_version(tmp_path, name="other", seed=3, champion=False)
    run_job_inline(version_prepare(version=version))
    Alias.objects.create(name="challenger", version=version)
    return version


def signed_in(site: Site, open_context: Callable[..., BrowserContext], **options) -> Page:
    """A browser in which an administrator has signed in."""
    return administrator(open_context(**options), site.url)


def checked(page: Page) -> None:
    assert accessibility_problems(page) == []
    assert overflow(page) <= 0


def test_a_set_of_pairs_is_made_and_measured_and_draws_its_curves(site: Site, open_context) -> None:
    page = signed_in(site, open_context)
    page.goto(site.at("/admin/search/evaluationset/add/"))
    checked(page)
    page.get_by_label("Name").fill("Our pumps")
    page.get_by_label(re.compile("documents of a collection")).check()
    page.get_by_label("Collection:", exact=True).select_option(label="Notes")
    page.get_by_role("button", name="Make the set").click()
    expect(page.locator(".success")).to_contain_text("“Our pumps” has")
    page.get_by_role("button", name="Measure 1 ready version").click()
    page.wait_for_selector("text=queued")
    run_job_inline(Job.objects.get(type="evaluate"))
    expect(page.locator(".chart")).to_have_count(8)
    result = EvaluationSet.objects.get().results.get(direction="image → passages")
    value = f"{100 * result.measures['r_at_1']['value']:.1f}"
    expect(page.get_by_role("region", name="Results")).to_contain_text(value)
    checked(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", SIZES.values(), ids=SIZES)
def test_the_pages_fit_and_are_accessible_in_every_look(
    site: Site, other, open_context, scheme: str, viewport: dict[str, int]
) -> None:
    page = signed_in(site, open_context, color_scheme=scheme, viewport=viewport)
    made = evaluated(site.notes, champion(), other, champion())
    for path in (
        f"/admin/search/evaluationset/{made.pk}/change/",
        f"/admin/models_admin/modelversion/{other.pk}/change/",
        f"/admin/models_admin/modelversion/{other.pk}/confirm/activate/",
    ):
        page.goto(site.at(path))
        checked(page)
    page.goto(site.at("/side-by-side/"))
    checked(page)
    page.get_by_label("Words").fill("a red pump")
    page.get_by_role("button", name="Ask both").click()
    page.wait_for_selector(".versus-hit")
    checked(page)


def test_two_models_are_compared_blindly_and_named_afterwards(site: Site, other, open_context) -> None:
    page = signed_in(site, open_context)
    page.goto(site.at("/side-by-side/"))
    page.get_by_label("Words").fill("a red pump")
    page.get_by_label(re.compile("Blind")).check()
    page.get_by_role("button", name="Ask both").click()
    page.wait_for_selector(".versus-hit")
    body = page.locator("main")
    expect(body).not_to_contain_text("other@1")
    expect(body).not_to_contain_text(str(champion()))
    checked(page)
    page.get_by_role("button", name="B is better").click()
    expect(page.locator(".note[role=status]")).to_contain_text("You preferred B")
    expect(body).to_contain_text("other@1")
    made = SideBySide.objects.get()
    assert made.preference == ("first" if made.swapped else "second")
    checked(page)


def test_a_hit_of_either_answer_is_judged(site: Site, other, open_context) -> None:
    page = signed_in(site, open_context)
    page.goto(site.at("/side-by-side/"))
    page.get_by_label("Words").fill("a blue pump")
    page.get_by_role("button", name="Ask both").click()
    hit = page.locator(".versus-side").nth(1).locator(".versus-hit").first
    hit.get_by_role("button", name="Relevant", exact=True).click()
    expect(page.locator(".versus-side").nth(1).locator(".versus-hit").first).to_contain_text("You marked it")
    assert Judgement.objects.get().query_id == SideBySide.objects.get().first_id
