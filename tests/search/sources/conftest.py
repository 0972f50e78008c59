"""What tests of sources need: a collection with its curator, and rounds run as a worker runs them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrieval_site.accounts.models import User
from search.models import Document
from search.services.collections import collection_create
from tests.support.picture_server import served
from tests.support.sources import Rounds


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", is_staff=True)


@pytest.fixture
def corpus(anna):
    return collection_create(name="Notes", owner=anna)


class Anything(dict):
    """Routes of a server that `to` answers all of, or a table by path."""

    to = None

    def get(self, path, other=None):
        """Return what answers this path."""
        return self.to.get(path, other) if isinstance(self.to, dict) else self.to


@pytest.fixture(scope="session")
def _web():
    with served(Anything()) as server:
        yield server


class Web:
    """One server for all tests, for each port has fetching processes of its own; a test sets its `routes`."""

    def __init__(self, server) -> None:
        self.server, self.port = server, server.port

    def __setattr__(self, name, value) -> None:
        if name == "routes":
            self.server.routes.to = value
        super().__setattr__(name, value)


@pytest.fixture
def web(_web) -> Web:
    """A server of this machine, from which sources may be read."""
    return Web(_web)


@pytest.fixture
def rounds(corpus, anna, settings, tmp_path, web) -> Rounds:
    """Sources below the test's own folder and on servers of this machine."""
    settings.CONFIG = replace(
        settings.CONFIG,
        source_folders=[tmp_path],
        source_networks=["127.0.0.0/8"],
        source_ports=[80, 443, web.port],
    )
    return Rounds(corpus, anna, settings)


@pytest.fixture
def names():
    """The external ids that are stored."""
    return lambda: sorted(Document.objects.values_list("external_id", flat=True))
