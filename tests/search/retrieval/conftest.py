"""Stored vectors to search among, without a neural network: searches are made with embeddings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from search.retrieval import dense, search
from search.retrieval.types import EmbeddingPart, SearchRequest
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store

DIM = 16


@pytest.fixture(autouse=True)
def _no_counts_of_other_tests():
    dense._counts.clear()


@pytest.fixture
def version():
    return make_version(dim=DIM)


@pytest.fixture
def collection():
    return make_collection()


@pytest.fixture
def passages(version, collection):
    """Forty documents of one passage each, with vectors."""
    rows = make_documents(collection, 40)
    store(version, rows, clustered(40, DIM, seed=1))
    return rows


@pytest.fixture
def ask(version):
    """Search with a vector: `ask(vector, limit=…)`, as the anonymous viewer unless told otherwise."""

    def by_vector(vector, **fields):
        request = SearchRequest(
            viewer=None, parts=(EmbeddingPart(tuple(map(float, vector))),), model=version.key
        )
        return search(replace(request, **fields))

    return by_vector
