"""What tests of sources need: a collection with its curator, and rounds run as a worker runs them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth.models import User

from search.models import Document
from search.services.collections import collection_create
from tests.support.sources import Rounds


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", is_staff=True)


@pytest.fixture
def corpus(anna):
    return collection_create(name="Notes", owner=anna)


@pytest.fixture
def rounds(corpus, anna, settings, tmp_path) -> Rounds:
    """Sources below the test's own folder and on servers of this machine."""
    settings.CONFIG = replace(
        settings.CONFIG, source_folders=[tmp_path], source_networks=["127.0.0.0/8"], source_ports=[80, 443]
    )
    return Rounds(corpus, anna, settings)


@pytest.fixture
def names():
    """The external ids that are stored."""
    return lambda: sorted(Document.objects.values_list("external_id", flat=True))
