"""Searching: what is found, in which order, on which page, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from django.contrib.auth import get_user_model

from models_admin.models import Alias
from retrieval_site.errors import AppError
from search.models import Document, DocumentImage, Query
from search.retrieval import reopen, search
from search.retrieval.types import DocumentPart, EmbeddingPart, SearchRequest, TextPart
from search.vectors.copy import vectors_write
from search.vectors.tables import table_drop
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store, unit_rows
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db
DIM = 16


def _documents(answer):
    return [hit.document.pk for hit in answer.hits]


def test_the_closest_documents_come_first_with_their_cosine(ask, passages):
    vectors = clustered(40, DIM, seed=1)
    query = clustered(1, DIM, seed=9)[0]
    answer = ask(query, limit=40)
    cosines = vectors @ query
    expected = [passages[row].document_id for row in np.argsort(-cosines)]
    assert _documents(answer) == expected
    np.testing.assert_allclose([hit.score for hit in answer.hits], np.sort(cosines)[::-1], atol=2e-3)
    assert [hit.rank for hit in answer.hits] == list(range(1, 41))
    assert (answer.plan.kind, answer.next) == ("exact", None)


def test_a_hit_shows_the_best_passage_of_its_document(ask, version, collection):
    rows = make_documents(collection, 5, passages=3)
    vectors = clustered(15, DIM, seed=2)
    store(version, rows, vectors)
    answer = ask(vectors[7], limit=5)
    assert answer.hits[0].unit == rows[7]
    assert answer.hits[0].document.pk == rows[7].document_id
    assert len(set(_documents(answer))) == 5


def test_the_limit_counts_documents_even_where_one_has_a_hundred_passages_nearby(ask, version, collection):
    crowd = make_documents(collection, 2, passages=150)
    others = make_documents(collection, 5)
    target = clustered(1, DIM, seed=3)[0]
    near = unit_rows(target + np.random.default_rng(0).normal(size=(300, DIM)) * 0.01)
    store(version, [*crowd, *others], np.concatenate([near, clustered(5, DIM, seed=4)]))
    answer = ask(target, limit=6)
    assert len(answer.hits) == 6
    assert set(_documents(answer)[:2]) == {crowd[0].document_id, crowd[-1].document_id}


def test_pages_follow_each_other_without_gap_or_repeat(ask, passages):
    query = clustered(1, DIM, seed=9)[0]
    whole = _documents(ask(query, limit=40))
    page, seen, ranks = ask(query, limit=7), [], []
    while True:
        seen += _documents(page)
        ranks += [hit.rank for hit in page.hits]
        if page.next is None:
            break
        page = ask(query, limit=7, cursor=page.next)
    assert seen == whole
    assert ranks == list(range(1, 41))


def test_pages_go_on_past_the_kept_answer_and_do_not_change_when_documents_come(ask, version, collection):
    rows = make_documents(collection, 300)
    store(version, rows, clustered(300, DIM, seed=5))
    query = clustered(1, DIM, seed=6)[0]
    page, seen = ask(query, limit=50), []
    newcomers = make_documents(collection, 3)
    store(version, newcomers, np.tile(query, (3, 1)))
    while True:
        seen += _documents(page)
        if page.next is None:
            break
        page = ask(query, limit=50, cursor=page.next)
    assert len(seen) == len(set(seen))
    assert set(seen) >= {row.document_id for row in rows}
    assert Query.objects.count() == 1


@pytest.mark.parametrize("cursor", ["", "nonsense", "WzFd:forged"])
def test_a_cursor_that_was_not_given_out_is_refused(ask, passages, cursor):
    with pytest.raises(AppError) as caught:
        ask(clustered(1, DIM)[0], cursor=cursor)
    assert caught.value.id == "cursor.invalid"


def test_a_cursor_of_another_query_is_refused(ask, passages):
    first, second = (ask(clustered(1, DIM, seed=seed)[0], limit=5) for seed in (1, 2))
    with pytest.raises(AppError) as caught:
        reopen(first.query_id, None, 5, second.next)
    assert caught.value.id == "cursor.invalid"


def test_filters_by_tags_and_metadata_find_all_that_match(ask, version, collection):
    plain = make_documents(collection, 30)
    rusty = make_documents(collection, 4, tags=["pump", "rusty"], metadata={"year": 1999, "site": "north"})
    newer = make_documents(collection, 3, tags=["pump"], metadata={"year": 2020, "site": "north"})
    store(version, [*plain, *rusty, *newer], clustered(37, DIM, seed=8))
    query = clustered(1, DIM, seed=9)[0]

    def found(**filters):
        return set(_documents(ask(query, limit=20, filters=filters)))

    ids = [{row.document_id for row in rows} for rows in (rusty, newer)]
    assert found(tags=["pump"]) == ids[0] | ids[1]
    assert found(tags=["pump", "rusty"]) == ids[0]
    assert found(metadata={"year": 2020}) == ids[1]
    assert found(tags=["pump"], metadata={"site": "north", "year": 1999}) == ids[0]
    assert found(tags=["absent"]) == set()


def test_only_the_collections_asked_for_are_searched(ask, version, collection, passages):
    other = make_documents(make_collection("other"), 3)
    store(version, other, clustered(3, DIM, seed=5))
    answer = ask(clustered(1, DIM)[0], collections=("other",))
    assert set(_documents(answer)) == {row.document_id for row in other}
    with pytest.raises(AppError) as caught:
        ask(clustered(1, DIM)[0], collections=("other", "absent"))
    assert (caught.value.id, caught.value.status) == ("collection.not_found", 404)


def _with_images(version, collection, count):
    rows = make_documents(collection, count)
    images = DocumentImage.objects.bulk_create(
        DocumentImage(
            document_id=row.document_id, ordinal=0, blob=blob_store(b"picture %d" % row.pk, "image/png")
        )
        for row in rows
    )
    store(version, rows, clustered(count, DIM, seed=10))
    vectors_write(version, "image", [image.pk for image in images], clustered(count, DIM, seed=11))
    return rows, images


def test_the_target_images_finds_pictures(ask, version, collection):
    _, images = _with_images(version, collection, 6)
    answer = ask(clustered(6, DIM, seed=11)[4], target="images")
    assert answer.hits[0].unit == images[4]
    assert answer.hits[0].kind == "image"
    assert len(answer.hits) == 6


def test_more_like_this_finds_neighbours_and_never_the_document_itself(version, collection):
    rows = make_documents(collection, 10, passages=2)
    vectors = clustered(20, DIM, seed=12)
    vectors[15] = vectors[6]
    store(version, rows, vectors)
    answer = search(SearchRequest(viewer=None, parts=(DocumentPart(rows[6].document_id),)))
    assert answer.modality == "document"
    assert answer.hits[0].document.pk == rows[15].document_id
    assert rows[6].document_id not in _documents(answer)
    assert len(answer.hits) == 9


def test_more_like_this_compares_pictures_with_pictures(version, collection):
    rows, images = _with_images(version, collection, 6)
    answer = search(SearchRequest(viewer=None, parts=(DocumentPart(rows[2].document_id),), target="images"))
    vectors = clustered(6, DIM, seed=11)
    closest = [row for row in np.argsort(-(vectors @ vectors[2])) if row != 2]
    assert [hit.unit for hit in answer.hits] == [images[row] for row in closest]


def test_more_like_a_document_that_is_not_encoded_says_so(version, collection):
    rows = make_documents(collection, 1)
    with pytest.raises(AppError) as caught:
        search(SearchRequest(viewer=None, parts=(DocumentPart(rows[0].document_id),)))
    assert (caught.value.id, caught.value.status) == ("document.not_encoded", 409)


@pytest.mark.parametrize(
    ("vector", "model", "error_id"),
    [
        ([1.0] * 15, None, "embedding.dimension"),
        ([0.0] * 16, None, "embedding.invalid"),
        ([float("nan")] * 16, None, "embedding.invalid"),
        ([float("inf")] * 16, None, "embedding.invalid"),
        ([1.0] * 16, "champion", "embedding.model_required"),
        ([1.0] * 16, "absent@1", "model.not_found"),
    ],
)
def test_an_embedding_that_cannot_be_right_is_refused(ask, version, vector, model, error_id):
    with pytest.raises(AppError) as caught:
        ask(vector, model=model or version.key)
    assert caught.value.id == error_id


def test_an_embedding_of_any_length_searches_like_its_direction(ask, passages):
    query = clustered(1, DIM, seed=9)[0]
    assert _documents(ask(query * 1e-3)) == _documents(ask(query))


@pytest.mark.parametrize(
    ("parts", "error_id"),
    [
        ((), "query.parts"),
        ((DocumentPart(1),) * 9, "query.too_many_parts"),
        ((TextPart("red", 0.0),), "query.weight"),
        ((TextPart("red"), DocumentPart(1, 1.5)), "query.weight"),
        ((TextPart("red"), DocumentPart(1, float("nan"))), "query.weight"),
        ((TextPart("red", -1.0), DocumentPart(1, -0.5)), "query.only_negative"),
    ],
)
def test_parts_that_make_no_search_are_refused(version, parts, error_id):
    with pytest.raises(AppError) as caught:
        search(SearchRequest(viewer=None, parts=parts))
    assert (caught.value.id, caught.value.status) == (error_id, 400)


@pytest.mark.parametrize("limit", [0, 101])
def test_a_limit_out_of_range_is_refused(ask, limit):
    with pytest.raises(AppError) as caught:
        ask([1.0] * DIM, limit=limit)
    assert caught.value.id == "parameter.invalid"


def test_without_an_active_model_a_person_is_told_what_to_do(ask):
    Alias.objects.all().delete()
    with pytest.raises(AppError) as caught:
        search(SearchRequest(viewer=None, parts=(TextPart("red"),)))
    assert (caught.value.id, caught.value.status) == ("model.none_active", 503)


def test_a_version_that_is_not_ready_or_lost_its_vectors_is_not_searched(ask, version):
    table_drop(version)
    with pytest.raises(AppError) as caught:
        ask([1.0] * DIM)
    assert caught.value.id == "model.not_ready"
    version.state = "valid"
    version.save()
    with pytest.raises(AppError) as caught:
        ask([1.0] * DIM)
    assert caught.value.id == "model.not_ready"


def test_a_target_that_the_version_does_not_encode_is_refused():
    version = make_version(dim=DIM, manifest={"modalities": ["image"]})
    with pytest.raises(AppError) as caught:
        search(SearchRequest(viewer=None, parts=(EmbeddingPart((1.0,) * DIM),), model=version.key))
    assert (caught.value.id, caught.value.status) == ("target.not_supported", 422)


def test_an_empty_corpus_has_an_empty_answer(ask):
    answer = ask([1.0] * DIM)
    assert (answer.hits, answer.next) == ((), None)


def test_the_query_is_kept_with_its_answer_and_reopens_without_encoding(ask, passages):
    user = get_user_model().objects.create_user("ada")
    answer = ask(clustered(1, DIM, seed=9)[0], viewer=user, limit=5)
    kept = Query.objects.get(pk=answer.query_id)
    assert (kept.user, kept.modality, kept.plan["kind"]) == (user, "embedding", "exact")
    assert [entry["document"] for entry in kept.answer][:5] == _documents(answer)
    again = reopen(answer.query_id, user, 5)
    assert again.hits == answer.hits
    assert (again.model, again.plan, again.modality) == (answer.model, answer.plan, answer.modality)
    Document.objects.filter(pk=answer.hits[0].document.pk).delete()
    assert _documents(reopen(answer.query_id, user, 4)) == _documents(answer)[1:]


def test_reopening_a_query_that_never_was_is_not_found():
    import uuid

    with pytest.raises(AppError) as caught:
        reopen(uuid.uuid4(), None)
    assert (caught.value.id, caught.value.status) == ("query.not_found", 404)


def test_timings_name_every_step_and_the_total(ask, passages):
    timings = ask([1.0] * DIM).timings_ms
    assert {"search", "fetch", "keep", "total"} <= set(timings)
    assert timings["total"] >= timings["search"]
