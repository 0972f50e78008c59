"""What is private stays invisible on every path, also in what was kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser

from retrieval_site.errors import AppError
from search.models import Document, Membership
from search.retrieval import reopen, search
from search.retrieval.types import DocumentPart, SearchRequest
from tests.support.corpus import clustered, make_collection, make_documents, store

pytestmark = pytest.mark.django_db
DIM = 16
QUERY = clustered(1, DIM, seed=9)[0]


@pytest.fixture
def secret(version, passages):
    """A private collection of three documents that lie closest to QUERY."""
    collection = make_collection("secret", visibility="private")
    rows = make_documents(collection, 3)
    store(version, rows, QUERY[None, :].repeat(3, axis=0))
    return collection


@pytest.fixture
def member(secret):
    user = get_user_model().objects.create_user("member")
    Membership.objects.create(collection=secret, user=user)
    return user


@pytest.fixture
def stranger(secret):
    return get_user_model().objects.create_user("stranger")


def _collections(answer):
    return {hit.document.collection.slug for hit in answer.hits}


def test_members_and_superusers_find_private_documents_and_nobody_else(ask, member, stranger):
    superuser = get_user_model().objects.create_superuser("root")
    for viewer, sees in (
        (member, True),
        (superuser, True),
        (stranger, False),
        (None, False),
        (AnonymousUser(), False),
    ):
        answer = ask(QUERY, viewer=viewer, limit=5)
        assert ("secret" in _collections(answer)) is sees
        assert len(answer.hits) == 5


def test_a_private_collection_asked_for_by_name_is_as_good_as_absent(ask, stranger):
    with pytest.raises(AppError) as hidden:
        ask(QUERY, viewer=stranger, collections=("secret",))
    with pytest.raises(AppError) as absent:
        ask(QUERY, viewer=stranger, collections=("absent",))
    assert (hidden.value.id, hidden.value.status) == (absent.value.id, absent.value.status)


def test_more_like_an_invisible_document_is_as_good_as_absent(version, secret, stranger, member):
    document = Document.objects.filter(collection=secret).first()
    for viewer, number in ((stranger, document.pk), (stranger, 0), (None, document.pk)):
        with pytest.raises(AppError) as caught:
            search(SearchRequest(viewer=viewer, parts=(DocumentPart(number),)))
        assert (caught.value.id, caught.value.status) == ("document.not_found", 404)
    assert search(SearchRequest(viewer=member, parts=(DocumentPart(document.pk),))).hits


def test_a_shared_query_shows_each_viewer_what_they_may_see(ask, member, stranger):
    answer = ask(QUERY, viewer=member, limit=10)
    assert "secret" in _collections(answer)
    for viewer in (stranger, None):
        seen = reopen(answer.query_id, viewer, 10)
        assert _collections(seen) == {"public"}
        assert [hit.rank for hit in seen.hits] == list(range(1, 11))


def test_paging_through_somebody_elses_query_never_shows_what_is_hidden(ask, member, stranger):
    page = reopen(ask(QUERY, viewer=member, limit=4).query_id, stranger, 4)
    pages = [page]
    while page.next is not None:
        page = reopen(page.query_id, stranger, 4, page.next)
        pages.append(page)
    hits = [hit for page in pages for hit in page.hits]
    assert {hit.document.collection.slug for hit in hits} == {"public"}
    assert [hit.rank for hit in hits] == list(range(1, 41))


def test_who_loses_access_loses_it_in_kept_answers_too(ask, member, secret):
    answer = ask(QUERY, viewer=member, limit=5)
    Membership.objects.all().delete()
    assert _collections(reopen(answer.query_id, member, 5)) == {"public"}


def test_a_document_whose_vector_lags_behind_its_move_is_not_shown(ask, stranger, passages, secret):
    moved = passages[0].document
    Document.objects.filter(pk=moved.pk).update(
        collection=secret
    )  # past the service, which moves the vectors
    answer = ask(clustered(40, DIM, seed=1)[0], viewer=stranger, limit=40)
    assert moved.pk not in [hit.document.pk for hit in answer.hits]
    assert len(answer.hits) == 39


def test_where_anonymous_search_is_off_the_anonymous_find_nothing(ask, passages, settings):
    settings.CONFIG = replace(settings.CONFIG, anonymous_search=False)
    assert ask(QUERY).hits == ()


def test_only_the_asker_reads_on_past_the_kept_answer(ask, version, collection, member, stranger):
    rows = make_documents(collection, 150)
    store(version, rows, clustered(150, DIM, seed=30))
    answer = ask(QUERY, viewer=member, limit=100)
    assert answer.next is not None
    assert (
        len(reopen(answer.query_id, stranger, 100).hits),
        reopen(answer.query_id, stranger, 100).next,
    ) == (97, None)
    assert len(reopen(answer.query_id, member, 100, answer.next).hits) > 50
