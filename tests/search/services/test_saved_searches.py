"""One's own searches: listed for who made them, kept by a name, and deleted all at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.storage import default_storage
from django.utils import timezone

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.models import Judgement, Query, SavedSearch
from search.services import saved_searches
from search.services.queries import query_delete
from search.services.query_ages import queries_to_end, queries_to_strip
from search.services.saved_searches import (
    history_clear,
    own_saved_search,
    saved_search_create,
    saved_search_delete,
    saved_search_rename,
    searches_of,
)
from tests.support.corpus import make_collection, make_documents, picture
from tests.support.queries import make_query
from workers.models import Blob
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def ben() -> User:
    return User.objects.create_user("ben")


def words(user: User | None, text: str = "a pump", **fields) -> Query:
    return make_query(modality="text", text=text, user=user, **fields)


def test_a_saved_search_is_renamed_where_it_is_saved_again(ann) -> None:
    query = words(ann)
    saved, new = saved_search_create(query_id=query.pk, viewer=ann, name="  Leaking \n pumps ")
    again, new_again = saved_search_create(query_id=query.pk, viewer=ann, name="Pumps")
    assert (new, new_again, saved.pk) == (True, False, again.pk)
    assert saved.name == "Leaking pumps"
    assert SavedSearch.objects.get().name == "Pumps"
    saved_search_rename(saved=saved, name="Mine")
    assert SavedSearch.objects.get().name == "Mine"


@pytest.mark.parametrize("name", ["", " \n", "x" * 121, "a\0b"])
def test_a_name_that_cannot_be_kept_is_refused(ann, name) -> None:
    with pytest.raises(AppError) as refused:
        saved_search_create(query_id=words(ann).pk, viewer=ann, name=name)
    assert refused.value.id == "parameter.invalid"


def test_nobody_saves_or_sees_what_somebody_else_asked(ann, ben) -> None:
    saved, _ = saved_search_create(query_id=words(ann).pk, viewer=ann, name="Mine")
    root = User.objects.create_superuser("root")
    for stranger in (ben, root):
        with pytest.raises(AppError) as refused:
            saved_search_create(query_id=saved.query_id, viewer=stranger, name="Taken")
        assert refused.value.id == "permission.denied"
        with pytest.raises(AppError) as refused:
            own_saved_search(saved.pk, stranger)
        assert refused.value.id == "saved_search.not_found"
        assert not searches_of(stranger).exists()
    with pytest.raises(AppError) as refused:
        saved_search_create(query_id=words(None, session="s").pk, viewer=AnonymousUser(), name="Nobody's")
    assert refused.value.id == "auth.required"


def test_a_person_saves_so_many_and_no_more(ann, monkeypatch) -> None:
    monkeypatch.setattr(saved_searches, "SAVED_MAX", 1)
    first = words(ann)
    saved_search_create(query_id=first.pk, viewer=ann, name="One")
    saved_search_create(query_id=first.pk, viewer=ann, name="Another name")
    with pytest.raises(AppError) as refused:
        saved_search_create(query_id=words(ann).pk, viewer=ann, name="Two")
    assert (refused.value.id, refused.value.detail) == ("saved_search.too_many", {"limit": 1})


def test_a_saved_search_outlives_its_age_and_its_photo_too(ann) -> None:
    preview = blob_store(picture((200, 20, 20)), "image/jpeg")
    queries = [
        make_query(modality="image", preview=preview, user=ann, embedding=b"\0" * 64) for _ in range(2)
    ]
    Query.objects.update(created_at=timezone.now() - timedelta(days=1000))
    saved, _ = saved_search_create(query_id=queries[0].pk, viewer=ann, name="Kept")
    for due in (queries_to_strip(), queries_to_end()):
        assert [query.pk for query in due] == [queries[1].pk]
    saved_search_delete(saved=saved)
    assert queries_to_end().count() == 2


def test_a_saved_search_goes_with_its_search_and_with_its_person(ann, ben) -> None:
    of_ann, of_ben = words(ann), words(ben)
    for query, user in ((of_ann, ann), (of_ben, ben)):
        saved_search_create(query_id=query.pk, viewer=user, name="Mine")
    query_delete(query_id=of_ann.pk, viewer=ann, session="")
    assert SavedSearch.objects.get().user == ben
    ben.delete()
    assert not SavedSearch.objects.exists()
    assert Query.objects.get().user is None


def test_deleting_all_takes_photos_and_judgements_but_nothing_saved_and_nothing_of_others(
    ann, ben, monkeypatch
) -> None:
    monkeypatch.setattr(saved_searches, "BATCH_QUERIES", 2)
    document = make_documents(make_collection(), 1)[0].document
    preview = blob_store(picture((20, 200, 20)), "image/jpeg")
    mine = [make_query(modality="image", preview=preview, user=ann), *(words(ann) for _ in range(4))]
    Judgement.objects.create(query=mine[1], document=document, user=ben, grade=2)
    saved_search_create(query_id=mine[4].pk, viewer=ann, name="Kept")
    others = [words(ben), words(None, session="s")]

    assert saved_searches.history_judgements(ann) == 1
    assert saved_searches.history_count(ann) == 4
    assert history_clear(viewer=ann) == 4

    assert set(Query.objects.values_list("pk", flat=True)) == {mine[4].pk, *(query.pk for query in others)}
    assert not Judgement.objects.exists()
    assert not Blob.objects.exists()
    assert not default_storage.exists(preview.storage_name)


def photo(user: User, first: Query | None = None, seed: int = 1) -> Query:
    """A search by photo, or one made of it."""
    preview = blob_store(picture((20, 200, 20), seed=seed), "image/jpeg")
    query = make_query(modality="image", preview=preview, embedding=b"\0" * 64, user=user)
    query.parts.update(sent_with=first)
    return query


def test_clearing_the_history_takes_photos_from_what_others_made_of_them_but_not_from_ones_own_saved(
    ann, ben
) -> None:
    first = photo(ann)
    saved, others = photo(ann, first), photo(ben, first)
    saved_search_create(query_id=saved.pk, viewer=ann, name="Mine")
    saved_search_create(query_id=others.pk, viewer=ben, name="Ben's")
    assert history_clear(viewer=ann) == 1
    assert Query.objects.get(pk=saved.pk).part.embedding is not None
    assert Query.objects.get(pk=others.pk).part.embedding is None
    assert Blob.objects.count() == 1


def test_a_saved_search_that_marks_moved_keeps_the_search_on_which_they_stand(ann) -> None:
    first, other = words(ann), words(ann)
    moved = words(ann, marked=first, marks={"relevant": [], "not_relevant": []})
    saved_search_create(query_id=moved.pk, viewer=ann, name="Moved")
    Query.objects.update(created_at=timezone.now() - timedelta(days=5000))
    assert set(queries_to_end()) == {other}
    assert history_clear(viewer=ann) == 1
    assert set(Query.objects.all()) == {first, moved}
