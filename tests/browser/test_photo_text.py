"""The text in a photo: the page completes itself with what was read, and a number is searched by with one click."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from bench.plates import Plate, drawn
from search.models import Document
from search.services.document_identifiers import identifiers_replace

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.browser import Site

READ_SECONDS = 60


@pytest.fixture(autouse=True)
def _reads(settings):
    settings.CONFIG = replace(settings.CONFIG, read_text=True, read_text_seconds=60.0)


def test_a_nameplates_number_becomes_a_chip_and_its_document_stands_above_the_hits(site: Site, page: Page):
    named = Document.objects.filter(collection=site.notes).order_by("pk").last()
    named.metadata = {"part": "KX-204/B"}
    named.save(update_fields=["metadata"])
    identifiers_replace([named])
    target = io.BytesIO()
    drawn(Plate("KX-204/B", "774744730", "NORDPUMP", "Type"), np.random.default_rng(3)).save(target, "JPEG")
    page.goto(f"{site.url}/")
    file = {"name": "plate.jpg", "mimeType": "image/jpeg", "buffer": target.getvalue()}
    page.locator("input[type=file]").first.set_input_files(file)
    page.wait_for_url("**/q/*/")
    read = page.get_by_role("region", name="Read from the photo")
    expect(read).to_be_visible(timeout=READ_SECONDS * 1000)
    expect(read.get_by_role("link")).to_have_text(str(named))
    read.get_by_role("button", name="KX-204/B – read from the photo").click()
    page.wait_for_url("**/q/*/")
    expect(page.locator(".asked-words")).to_contain_text("KX-204/B")
    expect(page.locator("[data-hit-link]").first).to_have_text(str(named))
