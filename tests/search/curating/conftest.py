from __future__ import annotations

import pytest

from retrieval_site.accounts.models import User
from search.models import Collection, Membership
from tests.support.corpus import make_collection


@pytest.fixture
def notes() -> Collection:
    return make_collection("notes")


@pytest.fixture
def other() -> Collection:
    return make_collection("other", visibility="private")


@pytest.fixture
def ann(notes, other) -> User:
    """Curates both collections and is no staff."""
    user = User.objects.create(username="ann")
    for collection in (notes, other):
        Membership.objects.create(collection=collection, user=user, role="curator")
    return user


@pytest.fixture
def ben(notes) -> User:
    """Curates the notes alone."""
    user = User.objects.create(username="ben")
    Membership.objects.create(collection=notes, user=user, role="curator")
    return user
