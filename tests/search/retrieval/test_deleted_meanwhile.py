"""A search is deleted while another one is made of it: what goes with it is not kept by the other."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.models import Query, QueryPart
from search.retrieval import again, search_again, search_by_marks
from search.retrieval.again import same_again
from search.services.queries import query_delete
from search.vectors.background import backgrounds_forget
from tests.support.corpus import clustered, make_documents, picture, store
from tests.support.queries import make_query
from workers.models import Blob
from workers.storage.blobs import blob_store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clean_redis")]


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def query(version, collection, ann) -> Query:
    """A search by a photo."""
    backgrounds_forget()
    rows = make_documents(collection, 12)
    store(version, rows, clustered(12, 16, seed=1))
    vector = np.asarray(clustered(1, 16, seed=2), dtype="<f4").tobytes()
    preview = blob_store(picture((200, 20, 20)), "image/jpeg")
    return make_query(modality="image", version=version, embedding=vector, preview=preview, user=ann)


def delete(query: Query, owner: User) -> None:
    query_delete(query_id=query.pk, viewer=owner, session="")


def test_every_search_that_was_made_of_it_loses_the_photo(query, ann) -> None:
    ben = User.objects.create_user("ben")
    narrowed = Query.objects.get(pk=search_again(query, same_again(query, ben, "", 5)).query_id)
    further = Query.objects.get(pk=search_again(narrowed, same_again(narrowed, ben, "", 5)).query_id)
    assert further.part.preview_id == query.part.preview_id
    delete(query, ann)
    left = QueryPart.objects.values_list("query", "preview", "embedding", "digest", "sent_with")
    assert set(left) == {(narrowed.pk, None, None, "", None), (further.pk, None, None, "", None)}
    assert not Blob.objects.filter(pk=query.part.preview_id).exists()


def test_the_photo_stays_with_the_first_search_when_a_narrowed_one_goes(query, ann, client) -> None:
    narrowed = Query.objects.get(pk=search_again(query, same_again(query, ann, "", 5)).query_id)
    client.force_login(ann)
    page = client.get(f"/q/{narrowed.pk}/delete/").content.decode()
    assert f'href="/q/{query.pk}/"' in page
    assert "The photo stays with" in page
    delete(narrowed, ann)
    assert QueryPart.objects.get().preview_id == query.part.preview_id
    assert "The photo stays with" not in client.get(f"/q/{query.pk}/delete/").content.decode()


@pytest.mark.parametrize("by_marks", [False, True])
def test_a_search_that_is_made_of_it_at_this_moment_is_not_kept(
    query, ann, monkeypatch, caplog, by_marks
) -> None:
    plain = again.search_encoded
    document = Query.objects.get(pk=search_again(query, same_again(query, ann, "", 5)).query_id).answer[0]

    def deleted_first(*args):
        delete(query, ann)
        return plain(*args)

    monkeypatch.setattr(again, "search_encoded", deleted_first)
    asked = same_again(query, ann, "", 5)
    with pytest.raises(AppError) as refused:
        if by_marks:
            search_by_marks(query, asked, {document["document"]: 2})
        else:
            search_again(query, asked)
    assert refused.value.id == "query.not_found"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert not QueryPart.objects.exclude(preview=None, embedding=None).exists()
