"""The catalogue of models in a browser: read on any screen, a research licence accepted, a model asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from models_admin.models import LicenceAcceptance
from tests.support.browser import DESKTOP, PHONE, accessibility_problems, administrator, overflow

if TYPE_CHECKING:
    from tests.support.browser import Site

NAME = "Get Apple MobileCLIP 2 S0"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_research_licence_is_accepted_and_the_model_asked_for(site: Site, open_context, viewport) -> None:
    page = administrator(open_context(viewport=viewport), site.url)
    page.goto(site.at("/admin/models_admin/modelversion/"))
    page.get_by_role("link", name="Catalogue").click()
    expect(page.get_by_role("heading", name="Catalogue of models")).to_be_visible()
    assert accessibility_problems(page) == []
    assert overflow(page) <= 0
    card = page.locator("section", has=page.get_by_role("button", name=NAME))
    card.get_by_role("button", name=NAME).click()
    assert not LicenceAcceptance.objects.exists()  # the browser asks for the box first
    card.get_by_role("checkbox").check()
    card.get_by_role("button", name=NAME).click()
    page.wait_for_url("**/workers/job/**")
    assert LicenceAcceptance.objects.get().model == "mobileclip2-s0"


def test_a_model_of_no_catalogue_is_asked_for_by_a_form(site: Site, open_context) -> None:
    page = administrator(open_context(viewport=PHONE), site.url)
    page.goto(site.at("/admin/models_admin/modelversion/catalogue/"))
    form = page.get_by_role("region", name="Another model")
    form.get_by_label("Repository").fill("somebody/tiny-clip")
    form.get_by_label("Folder").fill("onnx/../..")
    form.get_by_label("Name here").fill("our-clip")
    form.get_by_label("Licence", exact=True).fill("MIT")
    form.get_by_role("checkbox").check()
    form.get_by_role("button", name="Get this model").click()
    expect(page.get_by_text("hub.invalid_name")).to_be_visible()
    expect(form.get_by_label("Repository")).to_have_value("somebody/tiny-clip")
    assert accessibility_problems(page) == []
    form.get_by_label("Folder").fill("")
    form.get_by_role("button", name="Get this model").click()
    page.wait_for_url("**/workers/job/**")
    assert LicenceAcceptance.objects.get(model="our-clip").licence == "MIT"
