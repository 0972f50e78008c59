"""The health page of the index and of searches, and a webhook's page, in a browser."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from search.models import DriftMeasurement, Query, RecallMeasurement, SearchSetting
from tests.support.browser import DESKTOP, PHONE, accessibility_problems, administrator, overflow
from tests.support.corpus import make_version
from tests.support.queries import make_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

SIZES = {"desktop": DESKTOP, "phone": PHONE}


@pytest.fixture
def admin(live_server: Any, open_context: Callable[..., BrowserContext]) -> Page:
    """A browser in which an administrator has signed in."""
    return administrator(open_context(), live_server.url)


def measure_a_month() -> None:
    """Rows as a month of daily jobs leaves them, and searches that found little."""
    version, now = make_version(dim=16), timezone.now()
    for day in range(30):
        at = now - timedelta(days=30 - day)
        recall = RecallMeasurement.objects.create(
            version=version, kind="passage", modality="image", index="hnsw", queries=180, rows=70_000,
            setting=48, recall=0.96 - day / 400, low=0.9, high=0.94, target=0.95, smallest=96,
            ladder=[[48, 0.89], [64, 0.93], [96, 0.958]],
        )  # fmt: skip
        RecallMeasurement.objects.filter(pk=recall.pk).update(at=at)
        drift = DriftMeasurement.objects.create(
            version=version, kind="passage", modality="image", psi=0.05 + day / 100, chance=0.09,
            queries=240, reference="calibration", reference_queries=500,
        )  # fmt: skip
        DriftMeasurement.objects.filter(pk=drift.pk).update(at=at)
        for match in ("good", "good", "weak", "none"):
            text = (
                "a pump for a ship that nobody has ever described in any document" if match == "none" else ""
            )
            vector = np.ones(version.dim, dtype="<f4").tobytes()
            query = make_query(version=version, modality="text", text=text, embedding=vector, match=match)
            Query.objects.filter(pk=query.pk).update(
                created_at=at, answer=[{"document": 1, "passage": 1, "score": 0.1}]
            )


def test_the_page_is_read_on_a_desk_and_a_phone_in_light_and_dark(admin: Page, live_server: Any) -> None:
    measure_a_month()
    admin.goto(live_server.url + reverse("admin:search_recallmeasurement_changelist"))
    expect(admin.locator("h1")).to_have_text("Health of the index and of searches")
    for size in SIZES.values():
        for look in ("light", "dark"):
            admin.set_viewport_size(size)
            admin.emulate_media(color_scheme=look)
            assert accessibility_problems(admin) == []
            assert overflow(admin) <= 0
            if shown := os.environ.get("SCREENSHOTS"):
                admin.screenshot(path=f"{shown}/health-{size['width']}-{look}.png", full_page=True)
    assert admin.locator("svg polyline").count() == 4


def test_one_click_applies_the_setting_and_another_takes_it_back(admin: Page, live_server: Any) -> None:
    measure_a_month()
    admin.goto(live_server.url + reverse("admin:search_recallmeasurement_changelist"))
    admin.get_by_role("button", name="Search with ef_search 96").click()
    expect(admin.locator(".messagelist")).to_contain_text("is searched with 96 from now on")
    assert SearchSetting.objects.get().by.username == "root"
    admin.get_by_role("button", name="Undo 96").click()
    expect(admin.get_by_role("button", name="Search with ef_search 96")).to_be_visible()
    assert SearchSetting.objects.get().undone_at is not None


def test_a_webhook_is_added_and_tried_by_hand(admin: Page, live_server: Any) -> None:
    admin.goto(live_server.url + reverse("admin:search_webhook_add"))
    admin.fill("#id_name", "Operations")
    admin.fill("#id_url", "https://hooks.example/in")
    admin.get_by_label("job.failed", exact=False).check()
    admin.get_by_role("button", name="Save", exact=True).click()
    admin.get_by_role("link", name="Operations").first.click()
    admin.get_by_role("button", name="Send a test").click()
    expect(admin.get_by_role("region", name="Deliveries")).to_contain_text("webhook.test")
    for size in SIZES.values():
        admin.set_viewport_size(size)
        assert accessibility_problems(admin) == []
        assert overflow(admin) <= 0
