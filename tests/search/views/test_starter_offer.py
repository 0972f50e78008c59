"""The start page offers the starter where the demo's model answers in collections that it was not made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from retrieval_site.accounts.models import User
from tests.support.corpus import make_collection, make_documents, make_version
from tests.support.pages import shown_page

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db
OFFER = "Open the catalogue"


@pytest.fixture
def page(client: Client):
    """Return a function that gives the start page where a version answers in collections of these names."""

    def shown(version: str, *names: str) -> str:
        make_version(version)
        for name in names:
            make_documents(make_collection(name), 1)
        return shown_page(client.get("/"))

    client.force_login(User.objects.create_superuser("chief"))
    return shown


def test_it_is_offered_with_what_it_does_not_know_beside_a_collection_of_ones_own(page) -> None:
    found = page("demo-vsepp", "machine-parts", "holidays")
    assert OFFER in found
    assert "not one of your machines from another" in found


@pytest.mark.parametrize(("version", "names"), [("demo-vsepp", ["machine-parts"]), ("mine", ["holidays"])])
def test_it_is_not_offered_for_the_demo_alone_nor_beside_another_model(page, version, names) -> None:
    assert OFFER not in page(version, *names)


def test_it_is_offered_to_nobody_who_cannot_do_it(page, client: Client) -> None:
    page("demo-vsepp", "holidays")
    client.logout()
    assert OFFER not in shown_page(client.get("/"))
