"""Calibrations fitted from the database, by jobs, and asked by searches."""

from __future__ import annotations

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from models_admin.models import ModelVersion
from search.job_types import CALIBRATE, ENCODE
from search.models import Calibration, DocumentImage, Judgement, Query, QueryPart
from search.relevance import fitting, stored
from search.relevance import labels as labels_module
from search.relevance.fitting import calibrate_version, calibrations_due, calibrations_renew
from search.relevance.labels import pair_labels
from search.relevance.panel import calibration_panel, calibrations_json
from search.relevance.stored import calibrations_forget
from search.retrieval.door import search_encoded
from search.retrieval.types import EmbeddingPart, EncodedPart, EncodedQuery, SearchRequest
from search.vectors.background import backgrounds_forget
from search.vectors.copy import vectors_write
from tests.support.corpus import make_collection, make_documents, make_version, picture, store, unit_rows
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_create
from workers.jobs.types import JobParameters
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db
DIM, FILLED, COUNT = 32, 6, 120


class Watcher:
    """A job's context that nobody watches."""

    def stage(self, *_: object, **__: object) -> None: ...

    def advance(self, *_: object, **__: object) -> None: ...

    def checkpoint(self) -> None: ...


@pytest.fixture(autouse=True)
def _nothing_remembered():
    calibrations_forget()
    backgrounds_forget()
    yield
    calibrations_forget()
    backgrounds_forget()


def of_the_collection(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    inside = np.zeros((count, DIM))
    inside[:, :FILLED] = rng.normal(size=(count, FILLED))
    return unit_rows(inside + rng.normal(0, 0.02, (count, DIM)))


def near(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Photos of the same things: near their texts, in the same space."""
    rng = np.random.default_rng(seed)
    moved = vectors.astype(np.float64)
    moved[:, :FILLED] += rng.normal(0, 0.06, (len(vectors), FILLED))
    return unit_rows(moved + rng.normal(0, 0.02, vectors.shape))


def fill(version, collection, count: int, seed: int) -> np.ndarray:
    """Documents with a passage and a picture each, whose vectors are near each other; returns the passages'."""
    passages = make_documents(collection, count)
    texts = of_the_collection(count, seed)
    store(version, passages, texts)
    blob = blob_store(picture((9, 9, 9)), "image/jpeg")
    images = DocumentImage.objects.bulk_create(
        [DocumentImage(document=passage.document, ordinal=0, blob=blob) for passage in passages]
    )
    vectors_write(version, "image", [image.pk for image in images], near(texts, seed + 1))
    return texts


@pytest.fixture
def world(db):
    version, collection = make_version(dim=DIM), make_collection()
    return version, collection, fill(version, collection, COUNT, 0)


def asked_by_photo(version, vector):
    """Search as if an encoder had made this vector of a photo."""
    query = EncodedQuery(version, (EncodedPart("image", vector[None].astype(np.float32)),))
    part = EmbeddingPart(tuple(map(float, vector)))
    return search_encoded(query, SearchRequest(None, (part,), model=version.key))


def test_documents_with_picture_and_text_calibrate_photos_that_look_for_texts(world):
    version, *_ = world
    assert calibrations_due()
    assert calibrate_version(version, Watcher()) == 1
    assert not calibrations_due()
    row = Calibration.objects.get()
    assert (row.modality, row.kind, row.collection_id) == ("image", "passage", None)
    values = row.values
    assert (values["source"], values["queries"], values["pairs"]) == ("pairs", COUNT, COUNT)
    assert values["error"] < 0.1


def test_what_a_picture_finds_first_is_told_without_the_text_of_its_own_document(world):
    version, _, texts = world
    labels = pair_labels(version, None, Watcher())
    found = -np.sort(-(labels.vectors @ texts.T), axis=1)
    assert labels.first == pytest.approx(found[:, 1], abs=2e-3)
    assert (labels.best == labels.first).all()
    assert labels.relevant.sum() == COUNT


def test_a_document_whose_text_loses_its_vectors_meanwhile_is_left_out(world, monkeypatch):
    version, *_ = world
    gone, read = [], labels_module.document_vectors

    def reading(version, kind, document_id, **limit):
        gone.append(document_id)
        found = read(version, kind, document_id, **limit)
        return found[:0] if document_id == gone[0] else found

    monkeypatch.setattr(labels_module, "document_vectors", reading)
    labels = pair_labels(version, None, Watcher())
    assert labels.relevant.sum() == COUNT - 1


def test_a_calibration_of_an_earlier_release_is_not_read_and_fitted_anew(world):
    version, *_ = world
    calibrate_version(version, Watcher())
    row = Calibration.objects.get()
    del row.values["familiarity"]
    row.save()
    assert calibrations_due()
    assert calibrate_version(version, Watcher()) == 1
    assert Calibration.objects.get().values["familiarity"] == "odds"
    assert calibrations_renew() is None


def test_what_an_earlier_release_fitted_starts_one_job_that_fits_it_anew(world):
    version, *_ = world
    calibrate_version(version, Watcher())
    row = Calibration.objects.get()
    del row.values["familiarity"]
    row.save()
    job = calibrations_renew()
    assert (job.type, calibrations_renew()) == (CALIBRATE.name, None)
    assert run_job_inline(job).result["calibrations"] == 1
    assert Calibration.objects.get().values["familiarity"] == "odds"


def test_calibrations_are_read_again_only_where_there_are_others(
    world, monkeypatch, django_assert_num_queries
):
    version, *_ = world
    calibrate_version(version, Watcher())
    monkeypatch.setattr(stored._kept, "seconds", -1.0)  # as if a minute had passed before each look
    first = stored.calibrations(version, "passage")
    with django_assert_num_queries(1):
        assert stored.calibrations(version, "passage") is first
    Calibration.objects.get().save()
    with django_assert_num_queries(2):
        assert stored.calibrations(version, "passage").keys() == first.keys()
    Calibration.objects.all().delete()
    assert stored.calibrations(version, "passage") == {}


def test_a_photo_of_what_is_there_matches_and_one_of_something_else_does_not(world):
    version, _, texts = world
    calibrate_version(version, Watcher())
    found = [asked_by_photo(version, vector) for vector in near(texts[:40], 2)]
    assert sum(answer.match == "good" for answer in found) >= 32
    assert sum(answer.match == "none" for answer in found) <= 3
    first = found[0].hits[0]
    assert first.strength == "strong"
    assert first.relevance > found[0].hits[-1].relevance
    strange = unit_rows(np.random.default_rng(5).normal(size=(20, DIM)))
    assert {asked_by_photo(version, vector).match for vector in strange} == {"none"}


def test_a_shared_link_shows_the_relevance_that_the_answer_had(world):
    version, _, texts = world
    calibrate_version(version, Watcher())
    answer = asked_by_photo(version, near(texts[:1], 3)[0])
    Calibration.objects.all().delete()
    calibrations_forget()
    shown = Client().get(f"/api/v1/search/{answer.query_id}/").json()
    assert shown["match"] == answer.match
    assert [hit["relevance"] for hit in shown["results"]] == [hit.relevance for hit in answer.hits]
    assert [hit["strength"] for hit in shown["results"]] == [hit.strength for hit in answer.hits]


def test_a_collection_that_has_some_of_the_pairs_gets_a_calibration_of_its_own(world, monkeypatch):
    version, collection, _ = world
    other = make_collection("other")
    fill(version, other, 60, 20)
    monkeypatch.setattr(fitting, "PAIRS_MIN", 50)
    assert calibrate_version(version, Watcher()) == 3
    assert {row.collection_id for row in Calibration.objects.all()} == {None, collection.pk, other.pk}


def test_the_job_of_new_documents_fits_what_has_more_to_learn_from(world):
    version, *_ = world
    done = run_job_inline(job_create(ENCODE, JobParameters()))
    assert done.state == "succeeded", done.error
    assert version.calibrations.count() == 1
    fitted_at = set(version.calibrations.values_list("fitted_at", flat=True))
    run_job_inline(job_create(CALIBRATE, JobParameters()))
    assert set(version.calibrations.values_list("fitted_at", flat=True)) == fitted_at


def judged(world, user, rows, grades=(2, 0)):
    """Judge the two hits of so many searches by words."""
    version, collection, texts = world
    documents = list(collection.documents.order_by("pk"))
    for row in rows:
        answer = [
            {"document": documents[row].pk, "passage": row, "score": 0.9 - row / 1000},
            {"document": documents[row + 50].pk, "passage": row + 50, "score": 0.3 + row / 1000},
        ]
        query = Query.objects.create(version=version, target="passages", answer=answer)
        embedding = texts[row].astype("<f4").tobytes()
        QueryPart.objects.create(query=query, modality="text", text="words", embedding=embedding)
        for hit, grade in zip(answer, grades, strict=True):
            Judgement.objects.create(query=query, document_id=hit["document"], user=user, grade=grade)


def test_judgements_calibrate_any_direction_once_there_are_enough(world, monkeypatch, django_user_model):
    version, *_ = world
    monkeypatch.setattr(fitting, "JUDGEMENTS_MIN", 60)
    judged(world, django_user_model.objects.create_user("rater"), range(30))
    calibrate_version(version, Watcher())
    row = Calibration.objects.get(modality="text", kind="passage", collection=None)
    assert (row.values["source"], row.values["labels"], row.values["relevant"]) == ("judgements", 60, 30)
    assert row.values["error"] < 0.05


def test_judgements_that_are_all_alike_do_not_keep_pairs_from_calibrating(
    world, monkeypatch, django_user_model
):
    version, *_ = world
    monkeypatch.setattr(fitting, "JUDGEMENTS_MIN", 60)
    user = django_user_model.objects.create_user("rater")
    judged(world, user, range(30), grades=(2, 2))
    QueryPart.objects.update(modality="image")
    assert calibrate_version(version, Watcher()) == 1
    row = Calibration.objects.get()
    assert (row.values["source"], row.values["judgements"]) == ("pairs", 60)
    assert not calibrations_due()  # the same judgements are not tried each day
    judged(world, user, range(30, 50))
    QueryPart.objects.update(modality="image")
    assert calibrate_version(version, Watcher()) == 1
    assert Calibration.objects.get().values["source"] == "judgements"


def test_one_search_with_many_judgements_calibrates_nothing(world, monkeypatch, django_user_model):
    version, collection, texts = world
    monkeypatch.setattr(fitting, "JUDGEMENTS_MIN", 60)
    user = django_user_model.objects.create_user("rater")
    documents = list(collection.documents.order_by("pk"))[:60]
    answer = [{"document": one.pk, "passage": n, "score": 1 - n / 100} for n, one in enumerate(documents)]
    query = Query.objects.create(version=version, target="passages", answer=answer)
    embedding = texts[0].astype("<f4").tobytes()
    QueryPart.objects.create(query=query, modality="text", text="words", embedding=embedding)
    Judgement.objects.bulk_create(
        Judgement(query=query, document=one, user=user, grade=2 * (n < 30)) for n, one in enumerate(documents)
    )
    assert calibrate_version(version, Watcher()) == 1  # the pairs' alone
    assert not Calibration.objects.filter(modality="text").exists()


def test_an_error_on_queries_that_were_fitted_is_not_shown(world):
    version, *_ = world
    calibrate_version(version, Watcher())
    row = Calibration.objects.get()
    row.values["queries"] = 9
    row.save()
    chief = get_user_model()(is_superuser=True)
    (shown,) = calibration_panel(ModelVersion.objects.get(pk=version.pk), chief).rows
    assert shown[7] == "–"
    assert calibrations_json(ModelVersion.objects.get(pk=version.pk))[0]["calibration_error"] is None


def test_the_versions_page_and_the_api_say_how_well_it_is_calibrated(world, django_user_model, client):
    version, *_ = world
    chief = django_user_model.objects.create_superuser("root")
    assert calibration_panel(version, chief) is None
    calibrate_version(version, Watcher())
    (row,) = calibration_panel(ModelVersion.objects.get(pk=version.pk), chief).rows
    assert row[:5] == ("image", "passages", "all", "pairs", COUNT)
    client.force_login(chief)
    page = client.get(f"/admin/models_admin/modelversion/{version.pk}/change/").content.decode()
    assert "calibration error" in page
    listed = client.get(f"/api/v1/models/{version.key}/").json()["calibrations"]
    assert [row["queries"] for row in listed] == [COUNT]
    assert Client().get(f"/api/v1/models/{version.key}/").json().get("calibrations") is None
