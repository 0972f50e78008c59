"""Two hits side by side, as an address names them."""

from __future__ import annotations

import pytest

from tests.support.corpus import make_collection, make_documents, make_version
from tests.support.pages import kept_query, shown_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def documents():
    make_version()
    return [row.document for row in make_documents(make_collection(), 3)]


def address(query, *documents) -> str:
    return f"/q/{query.pk}/compare/?" + "&".join(f"document={document.pk}" for document in documents)


def test_a_document_that_is_named_twice_is_one_of_the_two(client, documents) -> None:
    first, second, third = documents
    query = kept_query(documents)
    for named in ((first, first, second), (first, second, first), (first, second)):
        page = client.get(address(query, *named))
        assert page.status_code == 200
        assert all(str(document) in shown_page(page) for document in (first, second))
    for named in ((first, first), (first, second, third), ()):
        assert client.get(address(query, *named)).status_code == 400
