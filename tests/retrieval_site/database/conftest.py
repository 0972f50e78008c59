"""Reading by a second connection. A module says to what, in its fixture `second_server`, by `tests.support.replica`."""

from __future__ import annotations

import pytest
from django.db import connections

from retrieval_site.database import reading
from retrieval_site.database.replica import REPLICA, progress_forget
from search.retrieval import search
from search.retrieval.types import EmbeddingPart, SearchRequest
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store

DIM = 16


@pytest.fixture(autouse=True)
def replica(monkeypatch, second_server):
    """The connection, which nothing is held against."""
    monkeypatch.setattr(reading, "_away_until", 0.0)
    progress_forget()
    yield connections[REPLICA]
    connections[REPLICA].close()
    del connections[REPLICA]


@pytest.fixture
def version():
    return make_version(dim=DIM)


@pytest.fixture
def documents(version):
    passages = make_documents(make_collection(), 20)
    store(version, passages, clustered(20, DIM, seed=1))
    return [passage.document for passage in passages]


@pytest.fixture
def ask(version, documents):
    vector = tuple(map(float, clustered(1, DIM, seed=2)[0]))
    return lambda: search(
        SearchRequest(viewer=None, session="s", parts=(EmbeddingPart(vector),), model=version.key, limit=5)
    )
