"""Judged searches asked again: which, under which models, and what comes of it on the version and its page."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from models_admin import services
from models_admin.job_types import MEASURE, VersionParameters
from models_admin.models import Alias
from retrieval_site.errors import AppError
from search.indexing import encoders
from search.judged import asking, searches
from search.models import Collection, Document, Judgement, Query
from search.retrieval import dense
from search.vectors.copy import vectors_write
from search.vectors.tables import VectorTable, table_drop
from tests.support.corpus import (
    make_collection,
    make_documents,
    make_version,
    picture,
    store,
    tiny_version,
)
from tests.support.queries import make_query
from workers.encoding.pool import POOL
from workers.inference.manifest import ImageSpec
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_create
from workers.models import Job
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db
DIM = 8
GREY_STEP = 20


class FakeEncoder:
    """Text “n” and a photo n steps of grey above black are the n-th axis, as are the vectors of document n."""

    device, dim = "cpu", DIM
    manifest = SimpleNamespace(image=ImageSpec(resize=32, size=32, mean=(0, 0, 0), std=(1, 1, 1)))

    def encode_texts(self, texts):
        return np.eye(DIM, dtype=np.float32)[[int(text) for text in texts]]

    def encode_pixels(self, pixels):
        greys = pixels.mean(axis=(1, 2, 3)) * 255 / GREY_STEP
        return np.eye(DIM, dtype=np.float32)[greys.round().astype(int)]


@pytest.fixture(autouse=True)
def _every_search_measures(monkeypatch):
    monkeypatch.setattr(searches, "MEASURING_PERCENT", 100)


@pytest.fixture(autouse=True)
def _fake_encoder(monkeypatch):
    monkeypatch.setattr(asking, "encoder_of", lambda version: FakeEncoder())


@pytest.fixture
def passages():
    return make_documents(make_collection(), DIM)


def version_of(passages, *, moved=0, champion=False, name="good", **fields):
    """A version that finds document n for question n, or, `moved`, the one so many places on."""
    version = make_version(name, dim=DIM, champion=champion, **fields)
    store(version, passages, np.roll(np.eye(DIM, dtype=np.float32), moved, axis=0))
    return version


def asked(number, *, grades=None, age=0, **fields):
    fields = {"modality": "text", "text": str(number)} | fields
    query = make_query(**fields)
    Query.objects.filter(pk=query.pk).update(created_at=query.created_at - timedelta(days=age))
    documents = list(Document.objects.order_by("pk"))
    for place, grade in (grades or {number: 2}).items():
        Judgement.objects.create(query=query, document=documents[place], grade=grade, session="rater")
    return query


def photo(number):
    return {
        "modality": "image",
        "text": "",
        "preview": blob_store(picture((GREY_STEP * number,) * 3), "image/jpeg"),
    }


def measured(version):
    job = run_job_inline(services.version_measure(version=version))
    assert job.state == "succeeded", job.error
    version.refresh_from_db()
    assert version.judged == job.result
    return job.result


def test_a_version_is_measured_beside_the_champion_on_the_same_searches(passages):
    good, bad = version_of(passages), version_of(passages, moved=1, champion=True, name="bad")
    for number in range(1, 5):
        asked(number)
        asked(number, **photo(number))
    found = measured(good)
    assert (found["searches"], found["left_out"], found["champion"]) == (8, 0, bad.key)
    assert found["measures"]["success_at_1"] == found["measures"]["ndcg_at_10"] == 1
    assert found["champion_measures"]["success_at_1"] == 0
    assert found["champion_measures"]["success_at_10"] == 1
    assert 0 < found["champion_measures"]["ndcg_at_10"] < 1
    # Only one document of each search was judged, which stands first among the judged in every order.
    assert found["champion_measures"]["ndcg_at_10_of_judged"] == 1
    assert found["differences"]["success_at_1"] == {"value": 1, "low": 1, "high": 1}
    assert found["differences"]["ndcg_at_10_of_judged"]["value"] == 0
    assert not services.judged_worse(good)


def test_judged_order_alone_decides_whether_a_version_is_worse(passages):
    version_of(passages, champion=True)
    bad = version_of(passages, moved=1, name="bad")
    for number in range(1, 7):
        asked(number, grades={number: 3, (number - 1) % DIM: 0})
    found = measured(bad)
    assert found["differences"]["ndcg_at_10_of_judged"]["high"] < 0
    assert services.judged_worse(bad)
    with pytest.raises(AppError, match=r"version\.judged_worse") as refused:
        services.version_activate(version=bad)
    assert refused.value.detail["judged"]["searches"] == 6
    assert services.champion().name == "good"


def test_a_worse_version_is_activated_by_force_and_judged_anew_against_another_champion(
    passages, monkeypatch
):
    monkeypatch.setattr(services, "_warm", lambda version: None)
    monkeypatch.setattr(services, "check_complete", lambda version: None)
    version_of(passages, champion=True)
    bad, third = version_of(passages, moved=1, name="bad"), version_of(passages, moved=1, name="third")
    asked(2, grades={2: 3, 1: 0})
    measured(bad)
    out = StringIO()
    with pytest.raises(CommandError, match="worse than the champion"):
        call_command("activate_model", bad.key)
    call_command("activate_model", bad.key, "--force", stdout=out)
    assert services.champion() == bad
    assert not services.judged_worse(bad)
    Alias.objects.update(version=third)
    assert not services.judged_worse(bad)  # it was not measured against this one


def test_the_champion_is_measured_alone(passages):
    version = version_of(passages, champion=True)
    asked(3)
    found = measured(version)
    assert found["measures"]["success_at_1"] == 1
    assert (found["champion"], found["champion_measures"], found["differences"]) == (None, None, None)


def test_what_tells_nothing_or_cannot_be_asked_again_is_left_out(passages):
    version = version_of(passages, champion=True)
    asked(1)
    asked(2, grades={2: 0})
    asked(3, grades={3: 1})
    lost = asked(4, **photo(4))
    default_storage.delete(lost.part.preview.storage_name)
    asked(5, **(photo(5) | {"preview": None}))
    asked(6, collections=["gone"])
    asked(1, modality="embedding", text="")
    asked(1, modality="document", text="", document=None)
    found = measured(version)
    assert (found["searches"], found["left_out"]) == (1, 5)


def test_more_like_this_is_asked_again_by_the_documents_own_vectors(passages):
    version = make_version("near", dim=DIM)
    vectors = np.eye(DIM, dtype=np.float32)
    vectors[2, 1], vectors[5, 1] = 0.9, 0.5  # what is closest to document 1, but for itself
    store(version, passages, vectors)
    asked(1, modality="document", text="", document=passages[1].document, grades={1: 3, 2: 2, 5: 1})
    found = measured(version)["measures"]
    assert (found["success_at_1"], found["judged_at_10"]) == (1, 0.2)


def test_a_version_without_images_leaves_photos_out_for_both(passages):
    version_of(passages, champion=True)
    texts = version_of(passages, name="texts", manifest={"modalities": ["text"]})
    asked(1)
    asked(2, **photo(2))
    found = measured(texts)
    assert (found["searches"], found["left_out"]) == (1, 1)


def test_askers_find_what_they_may_see_now(passages):
    version = version_of(passages, champion=True)
    anna = get_user_model().objects.create_user("anna")
    asked(1)
    asked(2, user=anna)
    Collection.objects.update(visibility="private")
    assert measured(version)["measures"]["success_at_10"] == 0
    Collection.objects.get().membership_set.create(user=anna, role="reader")
    assert measured(version)["measures"]["success_at_10"] == 0.5


def test_raters_agree_by_the_median_and_the_newest_searches_count(passages):
    disputed = asked(1, age=1)
    Judgement.objects.create(query=disputed, document=passages[1].document, grade=0, session="other")
    newest, second = asked(2), asked(3, age=2)
    asked(4, age=3)
    assert [search.query for search in searches.judged_searches(3)] == [newest, second]
    assert [search.query for search in searches.judged_searches(2)] == [newest]
    assert searches.judged_searches()[0].grades == {passages[2].document_id: 2}


def test_without_judgements_nothing_is_measured_and_the_page_says_so(passages, admin_client):
    version = version_of(passages, champion=True)
    found = measured(version)
    assert (found["searches"], found["measures"]) == (0, None)
    page = admin_client.get(f"/admin/models_admin/modelversion/{version.pk}/change/").content.decode()
    assert "0 judged searches" in page


@pytest.mark.parametrize("grade", [2, 0])
def test_a_prepared_version_is_measured_where_somebody_found_a_hit_relevant(passages, grade):
    version = version_of(passages)
    asked(1, grades={1: grade})
    job = run_job_inline(services.version_prepare(version=version))
    assert job.state == "succeeded", job.error
    measuring = Job.objects.filter(type="measure", params={"version": version.pk})
    assert measuring.count() == (grade == 2)


def test_only_a_ready_version_is_measured(passages):
    version = version_of(passages)
    job = job_create(MEASURE, VersionParameters(version=version.pk))
    services.version_move(version, "retired")
    with pytest.raises(AppError, match=r"version\.wrong_state"):
        services.version_measure(version=version)
    assert run_job_inline(job).error_id == "version.wrong_state"
    assert run_job_inline(job_create(MEASURE, VersionParameters(version=0))).error_id == "model.not_found"


def test_a_version_that_is_retired_while_it_is_measured_ends_the_job_in_a_sentence(passages, monkeypatch):
    version, plan = version_of(passages, champion=True), dense.make_plan
    asked(1)

    def retired_meanwhile(*given):
        made = plan(*given)
        table_drop(version)
        services.version_move(version, "retired")
        return made

    job = job_create(MEASURE, VersionParameters(version=version.pk))
    monkeypatch.setattr(dense, "make_plan", retired_meanwhile)
    assert run_job_inline(job).error_id == "model.not_ready"


@pytest.mark.django_db(transaction=True)
def test_so_does_one_whose_vectors_a_search_by_a_document_asks_for(passages, monkeypatch):
    version, units = version_of(passages, champion=True), asking.document_units
    document = Document.objects.first()
    asked(1, modality="document", text="", document=document)

    def retired_meanwhile(*given):
        table_drop(version)
        services.version_move(version, "retired")
        monkeypatch.setattr(VectorTable, "exists", lambda _: True)  # it was there a moment ago
        return units(*given)

    job = job_create(MEASURE, VersionParameters(version=version.pk))
    monkeypatch.setattr(asking, "document_units", retired_meanwhile)
    assert run_job_inline(job).error_id == "model.not_ready"


def test_a_missing_table_of_a_version_that_is_ready_is_loud(passages, monkeypatch):
    version, plan = version_of(passages, champion=True), dense.make_plan
    asked(1)

    def damaged(*given):
        made = plan(*given)
        table_drop(version)
        return made

    monkeypatch.setattr(dense, "make_plan", damaged)
    assert run_job_inline(services.version_measure(version=version)).error_id == "job.crashed"


def test_the_page_shows_the_difference_and_offers_a_worse_version_with_a_warning(passages, admin_client):
    version_of(passages, champion=True)
    bad = version_of(passages, moved=1, name="bad")
    asked(2, grades={2: 3, 1: 0})
    asked(5, collections=["gone"])
    where = f"/admin/models_admin/modelversion/{bad.pk}/"
    assert "What people judged" not in admin_client.get(f"{where}change/").content.decode()
    answer = admin_client.post(f"{where}do/measure/", follow=True)
    assert "asked what people asked before" in answer.content.decode()
    measured(bad)
    page = admin_client.get(f"{where}change/").content.decode()
    for words in (
        "What people judged",
        "1 judged searches",
        "1 cannot be asked again",
        "good@1, champion then",
    ):
        assert words in page
    assert "-100.0 to -100.0" in page
    assert "Activate, though judged worse" in page


def test_the_command_prints_both_models_and_their_difference(passages, monkeypatch):
    version_of(passages, champion=True)
    bad = version_of(passages, moved=1, name="bad")
    asked(2)
    monkeypatch.setattr("workers.jobs.command.JobCommand.complete", lambda self, job: run_job_inline(job))
    out = StringIO()
    call_command("measure_model", bad.key, stdout=out)
    told = out.getvalue()
    assert "1 judged searches, 0 left out" in told
    assert "success_at_1: 0.0000 (good@1 1.0000; -1.0000, 95 % -1.0000 to -1.0000)" in told


def test_real_encoders_answer_as_in_a_search(tmp_path, monkeypatch):
    monkeypatch.setattr(asking, "encoder_of", encoders.encoder_of)
    POOL.close()
    version = tiny_version(tmp_path)
    rows = make_documents(make_collection(), 3)
    texts = encoders.encoder_of(version).encode_texts(["a green pump", "a red pump", "a blue pump"])
    vectors_write(version, "passage", [row.pk for row in rows], texts)
    asked(1, modality="image", text="", preview=blob_store(picture((200, 20, 20)), "image/jpeg"))
    asked(2, text="blue")
    found = measured(version)
    assert (found["searches"], found["measures"]["success_at_1"]) == (2, 1)
    POOL.close()


def test_the_jobs_page_tells_how_many_searches_were_asked(passages, admin_client):
    version = version_of(passages, champion=True)
    asked(1)
    asked(5, collections=["gone"])
    measured(version)
    job = Job.objects.get(type="measure")
    page = admin_client.get(f"/admin/workers/job/{job.pk}/change/").content.decode()
    assert "<dt>searches</dt><dd>1</dd>" in page
    assert "<dt>left out</dt><dd>1</dd>" in page
    assert "<dt>champion</dt>" not in page


def test_the_warning_button_activates_what_the_plain_one_refuses(passages, admin_client, monkeypatch):
    monkeypatch.setattr(services, "_warm", lambda version: None)
    monkeypatch.setattr(services, "check_complete", lambda version: None)
    good, bad = version_of(passages, champion=True), version_of(passages, moved=1, name="bad")
    asked(2, grades={2: 3, 1: 0})
    measured(bad)
    where = f"/admin/models_admin/modelversion/{bad.pk}/do/"
    assert "version.judged_worse" in admin_client.post(f"{where}activate/", follow=True).content.decode()
    assert services.champion() == good
    admin_client.post(f"{where}activate-anyway/")
    assert services.champion() == bad
