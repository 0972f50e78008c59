"""Vectors made by a real encoder: what is missing and nothing else, once each, broken units set aside."""

from __future__ import annotations

import io
import threading
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from django.db import connection
from django.utils import timezone
from PIL import Image
from psycopg import sql

from models_admin.models import ModelVersion, VersionState
from models_admin.services import version_move, version_prepare
from retrieval_site.errors import AppError
from search import jobs as job_handlers
from search.indexing import encode as encode_module
from search.indexing import encoders
from search.indexing import prepare as prepare_module
from search.indexing.broken import APART
from search.indexing.locks import version_lock
from search.models import DocumentImage, Passage
from search.services.collections import collection_create
from search.services.document_fields import DocumentFields, image_input
from search.services.documents import DocumentRecord, documents_save, encode_soon
from search.vectors.coverage import coverage
from search.vectors.index import index_state
from search.vectors.tables import VectorTable, table_create, table_drop
from tests.support.tiny_bundle import COLOURS, make_tiny_bundle, tiny_manifest
from tests.support.trigger_bundle import trigger_version
from workers.encoding.pool import POOL
from workers.inference.errors import (
    EncoderDiedError,
    EncoderDiedLoadingError,
    EncoderError,
    EncoderMemoryError,
    EncoderNotStartedError,
    TextError,
)
from workers.jobs.errors import JobDeferred
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_retry_failed
from workers.models import Blob, Job, JobItem
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_encoders():
    POOL.close()
    yield
    POOL.close()


@pytest.fixture
def version(tmp_path) -> ModelVersion:
    bundle = make_tiny_bundle(tmp_path / "tiny.zip")
    manifest = tiny_manifest()
    row = ModelVersion.objects.create(
        name="tiny",
        number=1,
        state="ready",
        bundle=blob_store(bundle.read_bytes(), "application/zip"),
        manifest=manifest,
        dim=manifest["dim"],
    )
    table_create(row)
    return row


@pytest.fixture
def corpus():
    return collection_create(name="Notes")


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), COLOURS[colour]).save(buffer, "PNG")
    return buffer.getvalue()


def save(corpus, count=20, start=0, **fields):
    colours = list(COLOURS)
    documents_save(
        collection=corpus,
        records=[
            DocumentRecord(f"d{n}", DocumentFields(body=f"A {colours[n % 12]} pump number {n}.", **fields))
            for n in range(start, start + count)
        ],
    )


def stored(version, kind="passage") -> dict[int, list[float]]:
    name = sql.Identifier(VectorTable(version.pk, kind).name)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT unit_id, embedding::real[] FROM {}").format(name))
        return dict(cursor.fetchall())


def run_encode():
    return run_job_inline(encode_soon())


@pytest.fixture
def encoded_texts(monkeypatch) -> list[str]:
    """Every text that is given to the encoder, in order."""
    seen: list[str] = []
    original = encode_module.encode

    def counting(encoder, modality, batch):
        if modality == "text":
            seen.extend(batch.inputs)
        return original(encoder, modality, batch)

    monkeypatch.setattr(encode_module, "encode", counting)
    return seen


def test_every_unit_gets_the_vector_that_the_encoder_gives_alone(version, corpus):
    save(corpus)
    documents_save(
        collection=corpus,
        records=[
            DocumentRecord(
                "pic", DocumentFields(), (image_input(png("red"), corpus), image_input(png("blue"), corpus))
            )
        ],
    )
    job = run_encode()
    assert job.state == "succeeded"
    assert job.result["coverage"] == {
        "tiny@1": {
            "passage": {"total": 20, "stored": 20, "broken": 0, "missing": 0},
            "image": {"total": 2, "stored": 2, "broken": 0, "missing": 0},
        }
    }
    encoder = encoders.encoder_of(version)
    for passage in Passage.objects.all():
        alone = encoder.encode_texts([passage.text])[0]
        assert np.array(stored(version)[passage.pk]) @ alone == pytest.approx(1, abs=2e-3)
    assert set(stored(version, "image")) == set(DocumentImage.objects.values_list("pk", flat=True))


def test_a_picture_that_came_through_the_web_gets_its_size_and_small_copies(version, corpus):
    documents_save(
        collection=corpus,
        records=[DocumentRecord("pic", DocumentFields(), (image_input(png("red"), corpus),))],
    )
    assert DocumentImage.objects.get().width == 0
    run_encode()
    image = DocumentImage.objects.get()
    assert (image.width, image.height) == (64, 48)


def test_what_has_its_vector_is_not_encoded_again(version, corpus, encoded_texts):
    save(corpus)
    run_encode()
    before = stored(version)
    assert len(encoded_texts) == 20
    save(corpus, 1, start=20)
    run_encode()
    assert encoded_texts[20:] == ["A orange pump number 20."] or len(encoded_texts) == 21
    after = stored(version)
    assert {unit: after[unit] for unit in before} == before


def test_saving_the_same_documents_again_encodes_nothing(version, corpus, encoded_texts):
    save(corpus)
    run_encode()
    save(corpus)
    run_encode()
    assert len(encoded_texts) == 20


def test_a_changed_passage_replaces_its_vector_and_no_other(version, corpus):
    save(corpus)
    run_encode()
    before = stored(version)
    documents_save(
        collection=corpus, records=[DocumentRecord("d3", DocumentFields(body="Something else, cyan."))]
    )
    assert len(stored(version)) == 19
    run_encode()
    after = stored(version)
    assert len(after) == 20
    assert len(after.keys() & before.keys()) == 19


class OneBad:
    """The tiny encoder, refusing whatever names `number 7`."""

    def __init__(self, encoder):
        self._encoder = encoder
        self.dim, self.device, self.manifest = encoder.dim, encoder.device, encoder.manifest

    def encode_texts(self, texts):
        if any("number 7." in text for text in texts):
            raise TextError("text.empty/passage")
        return self._encoder.encode_texts(texts)

    def encode_pixels(self, pixels):
        return self._encoder.encode_pixels(pixels)


def test_a_unit_that_fails_is_set_aside_with_its_reason_and_skipped_until_retried(
    version, corpus, monkeypatch, encoded_texts
):
    save(corpus)
    good = encoders.encoder_of(version)
    monkeypatch.setattr(encode_module, "encoder_of", lambda _: OneBad(good))
    job = run_encode()
    assert (job.state, job.failed) == ("succeeded", 1)
    item = job.items.get()
    assert (item.error_id, item.payload["kind"]) == ("text.empty", "passage")
    assert job.result["coverage"]["tiny@1"]["passage"] == {
        "total": 20, "stored": 19, "broken": 1, "missing": 0,
    }  # fmt: skip
    encoded_texts.clear()
    run_encode()
    assert encoded_texts == []
    monkeypatch.setattr(encode_module, "encoder_of", lambda _: good)
    job_retry_failed(job)
    retried = run_job_inline(job)
    assert (retried.state, retried.items.count()) == ("succeeded", 0)
    assert len(stored(version)) == 20


def test_a_picture_whose_file_is_lost_or_broken_is_set_aside(version, corpus, caplog):
    documents_save(
        collection=corpus,
        records=[
            DocumentRecord("ok", DocumentFields(), (image_input(png("red"), corpus),)),
            DocumentRecord("cut", DocumentFields(), (image_input(png("blue")[:60], corpus),)),
            DocumentRecord("gone", DocumentFields(), (image_input(png("green"), corpus),)),
        ],
    )
    from django.core.files.storage import default_storage

    gone = DocumentImage.objects.get(document__external_id="gone").blob
    default_storage.delete(Blob.objects.get(pk=gone.pk).storage_name)
    job = run_encode()
    assert {item.error_id for item in job.items.all()} == {"image.truncated", "blob.missing"}
    assert len(stored(version, "image")) == 1
    assert "tiny@1 cannot encode 1 images: blob.missing" in caplog.text


def test_a_model_that_can_encode_nothing_ends_the_job_early(version, corpus, monkeypatch):
    save(corpus, 300)

    class Broken:
        dim, device = version.dim, "cpu"

        def encode_texts(self, texts):
            raise TextError.quoting("text.unknown", "No.")

    monkeypatch.setattr(encode_module, "encoder_of", lambda _: Broken())
    job = run_encode()
    assert (job.state, job.error_id) == ("failed", "version.cannot_encode")


def test_a_large_load_drops_the_index_and_builds_it_again(version, corpus, monkeypatch):
    monkeypatch.setattr(encode_module, "INDEX_ROWS_MIN", 10)
    monkeypatch.setattr(encode_module, "REBUILD_UNITS_MIN", 25)
    dropped = []
    original = encode_module.index_drop
    monkeypatch.setattr(encode_module, "index_drop", lambda *args: (dropped.append(args), original(*args)))
    save(corpus)
    run_encode()
    assert index_state(version, "passage").kind == "hnsw"
    assert index_state(version, "image").kind is None
    save(corpus, 5, start=20)
    run_encode()
    assert dropped == []
    save(corpus, 40, start=25)
    run_encode()
    assert len(dropped) == 1
    assert index_state(version, "passage").kind == "hnsw"


@pytest.mark.django_db(transaction=True)
def test_two_jobs_never_encode_for_the_same_version_at_once(version, corpus):
    save(corpus)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with version_lock(version):
            held.set()
            release.wait(10)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    with pytest.raises(JobDeferred), version_lock(version):
        pass
    job = run_encode()
    assert (job.state, job.attempts, stored(version)) == ("queued", 0, {})
    release.set()
    holder.join()
    assert run_job_inline(job).state == "succeeded"
    assert len(stored(version)) == 20


def test_documents_that_come_while_others_are_encoded_are_counted_in_the_total(version, corpus, monkeypatch):
    save(corpus, 4)
    original, more = encode_module.vectors_write, iter([6])

    def coming(*args):
        for count in more:
            save(corpus, count, start=4)
        return original(*args)

    monkeypatch.setattr(encode_module, "vectors_write", coming)
    job = run_encode()
    assert (job.state, job.done, job.total, len(stored(version))) == ("succeeded", 10, 10, 10)


def test_units_that_fail_and_come_meanwhile_are_counted_in_the_total(version, corpus, monkeypatch):
    def pictures(*names):
        records = [
            DocumentRecord(name, DocumentFields(), (image_input(png(name)[:60], corpus),)) for name in names
        ]
        documents_save(collection=corpus, records=records)

    pictures("red")
    original, more = encode_module.record_broken, iter([("green", "blue")])

    def coming(*args):
        for names in more:
            pictures(*names)
        return original(*args)

    monkeypatch.setattr(encode_module, "record_broken", coming)
    job = run_encode()
    assert (job.failed, job.done, job.total, job.items.count()) == (3, 0, 3, 3)
    job_retry_failed(job)
    again = run_job_inline(job)
    assert (again.failed, again.done, again.total) == (3, 0, 3)


def test_documents_that_are_deleted_while_they_are_encoded_do_no_harm(version, corpus, monkeypatch):
    save(corpus)
    original = encode_module.vectors_write

    def deleting(*args):
        Passage.objects.filter(document__external_id="d5").delete()
        return original(*args)

    monkeypatch.setattr(encode_module, "vectors_write", deleting)
    job = run_encode()
    assert job.state == "succeeded"
    assert len(stored(version)) == 19
    assert coverage(version)["passage"].complete


@pytest.mark.django_db(transaction=True)
def test_an_encoder_whose_version_is_set_aside_leaves_no_process(tmp_path):
    version = trigger_version(tmp_path)
    encoder = encoders.encoder_of(version)
    white = Image.new("RGB", (40, 40), "white")
    with pytest.raises(EncoderError):
        encoder.encode_pictures([white])
    with pytest.raises(AppError) as caught, encoders.set_aside_ends_the_job():
        encoder.encode_pictures([white])
    assert caught.value.id == "version.set_aside"
    with pytest.raises(EncoderError) as closed:
        encoder.encode_texts(["red"])  # no child was started in the place of the one that died
    assert closed.value.id == "encoder.closed"
    assert not psutil.pid_exists(encoder.pid)


def test_the_job_shows_how_far_an_index_is(version, corpus, monkeypatch):
    monkeypatch.setattr(encode_module, "INDEX_ROWS_MIN", 10)
    original, seen = encode_module.index_build, []

    def building(*args, tell):
        tell(3, 20)
        seen.append(Job.objects.values_list("stage", "done", "total").get(type="encode"))
        original(*args)

    monkeypatch.setattr(encode_module, "index_build", building)
    save(corpus)
    assert run_encode().state == "succeeded"
    assert seen == [("index passages of tiny@1", 3, 20)]


@pytest.mark.parametrize(("rights", "shown"), [(None, (50, 200)), (True, (50, 200)), (False, (25, 100))])
def test_how_many_vectors_there_are_is_a_superusers_business(rights, shown):
    owner = None if rights is None else SimpleNamespace(is_superuser=rights)
    told = []
    ctx = SimpleNamespace(
        job=SimpleNamespace(owner=owner), show=lambda done, total: told.append((done, total))
    )
    encode_module._build_shown(ctx)(50, 200)
    assert told == [shown]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("left", "ended"), [("retired", ("succeeded", "")), ("ready", ("failed", "job.crashed"))]
)
def test_a_version_that_is_retired_while_it_is_encoded_ends_no_job(version, corpus, monkeypatch, left, ended):
    """What is damaged does: a version that should have its table."""
    save(corpus)
    original = encode_module.encode

    def dropping(*args):
        found = original(*args)
        ModelVersion.objects.filter(pk=version.pk).update(state=left)
        table_drop(version)
        return found

    monkeypatch.setattr(encode_module, "encode", dropping)
    job = run_encode()
    assert (job.state, job.error_id) == ended


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("deleted", "error_id"), [(False, "version.wrong_state"), (True, "model.not_found")])
def test_catching_up_a_version_that_is_retired_meanwhile_says_so(
    version, corpus, monkeypatch, deleted, error_id
):
    original = prepare_module.encode_missing

    def dropping(*args):
        rows = ModelVersion.objects.filter(pk=version.pk)
        rows.update(state="retired")
        table_drop(version)
        if deleted:
            rows.delete()
        original(*args)

    save(corpus)
    monkeypatch.setattr(prepare_module, "encode_missing", dropping)
    ctx = SimpleNamespace(
        job=SimpleNamespace(owner=None, pk=None), stage=lambda *_, **__: None, checkpoint=list
    )
    with pytest.raises(AppError) as caught:
        prepare_module.prepare(version, ctx)
    assert caught.value.id == error_id


@pytest.mark.django_db(transaction=True)
def test_a_version_that_is_retired_while_it_is_calibrated_ends_its_preparation_in_a_sentence(
    version, corpus, monkeypatch
):
    def retired_meanwhile(asked, _):
        table_drop(asked)
        version_move(asked, VersionState.RETIRED)
        stored(asked)  # which fitting reads

    save(corpus)
    monkeypatch.setattr(job_handlers, "calibrate_version", retired_meanwhile)
    job = run_job_inline(version_prepare(version=version))
    assert (job.state, job.error_id) == ("failed", "model.not_ready")


@pytest.mark.parametrize(
    "error",
    [
        EncoderNotStartedError("encoder.cannot_load", reason="no memory"),
        EncoderDiedLoadingError("encoder.died/loading", reason="killed"),
    ],
)
def test_no_unit_is_blamed_where_the_encoder_cannot_be_started(version, corpus, monkeypatch, error):
    save(corpus)
    encoder = encoders.encoder_of(version)

    def fail(*_):
        raise error

    with monkeypatch.context() as starved:
        starved.setattr(type(encoder), "encode_texts", fail)
        job = run_encode()
    assert (job.state, job.error_id, job.items.count()) == ("failed", error.id, 0)
    assert stored(version) == {}
    assert run_encode().state == "succeeded"
    assert len(stored(version)) == 20


def test_no_unit_is_blamed_where_the_encoder_has_memory_for_nothing(version, corpus, monkeypatch):
    save(corpus)
    encoder = encoders.encoder_of(version)

    def starved(*_):
        raise EncoderMemoryError("encoder.memory")

    with monkeypatch.context() as patched:
        patched.setattr(type(encoder), "encode_texts", starved)
        job = run_encode()
    assert (job.state, job.error_id, job.items.count()) == ("failed", "encoder.memory", 0)
    assert run_encode().state == "succeeded"
    assert len(stored(version)) == 20


@pytest.mark.parametrize(
    ("second", "third", "ends", "left"),
    [
        (EncoderDiedError("encoder.died", reason="SIGABRT"), None, ("failed", "encoder.memory"), 0),
        (EncoderError("encoder.bad_output", dim=8), None, ("succeeded", ""), 0),
        (None, EncoderError("encoder.bad_output", dim=8), ("succeeded", ""), 1),
    ],
    ids=["its process dies of anything", "anything else", "of this unit"],
)
def test_a_unit_is_blamed_for_no_failure_of_another_that_stands_witness(
    version, corpus, monkeypatch, second, third, ends, left
):
    save(corpus, 1)
    encoder = encoders.encoder_of(version)
    original = type(encoder).encode_texts
    memory = EncoderMemoryError("encoder.memory")
    told = [memory, memory, second, third]

    def encode_texts(self, texts):
        if told and (error := told.pop(0)):
            raise error
        return original(self, texts)

    monkeypatch.setattr(type(encoder), "encode_texts", encode_texts)
    job = run_encode()
    assert (job.state, job.error_id) == ends
    assert job.items.count() == left


def test_a_version_is_not_ready_where_most_units_failed_for_want_of_memory(version, corpus, monkeypatch):
    """It would answer, and could be switched to, with hardly a vector."""
    save(corpus)
    table_drop(version)
    ModelVersion.objects.filter(pk=version.pk).update(state=VersionState.VALID)
    version.refresh_from_db()
    encoder = encoders.encoder_of(version)
    original = type(encoder).encode_texts

    def encode_texts(self, texts):
        if any("1" in text for text in texts) or len(texts) > 1:
            raise EncoderMemoryError("encoder.memory")
        return original(self, texts)

    monkeypatch.setattr(type(encoder), "encode_texts", encode_texts)
    job = run_job_inline(version_prepare(version=version))
    assert (job.state, job.error_id) == ("failed", "version.cannot_encode")
    version.refresh_from_db()
    assert version.state == VersionState.VALID


def test_a_unit_that_takes_too_much_memory_is_tried_by_three_jobs_over_some_time(
    version, corpus, monkeypatch
):
    save(corpus)
    too_long = Passage.objects.order_by("pk")[7]
    encoder, tried = encoders.encoder_of(version), []
    original = type(encoder).encode_texts

    def encode_texts(self, texts):
        if too_long.text in texts:
            tried.append(len(texts))
            raise EncoderMemoryError("encoder.memory")
        return original(self, texts)

    monkeypatch.setattr(type(encoder), "encode_texts", encode_texts)
    for jobs in (1, 2, 3):
        tried.clear()
        job = run_encode()
        assert (job.state, len(stored(version))) == ("succeeded", 19)
        assert [item.error_id for item in job.items.all()] == ["encoder.memory"]
        assert tried
        assert job.result["coverage"]["tiny@1"]["passage"]["missing"] == 1, f"after {jobs} it may still come"
    JobItem.objects.filter(pk=JobItem.objects.first().pk).update(created_at=timezone.now() - 2 * APART)
    tried.clear()
    job = run_encode()
    assert not tried
    assert job.result["coverage"]["tiny@1"]["passage"] == {
        "total": 20,
        "stored": 19,
        "broken": 1,
        "missing": 0,
    }
