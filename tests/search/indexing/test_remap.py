"""Vectors behind an adapter: computed from stored ones, of the same network only, again and again until none lacks."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection, transaction

from models_admin.adapted import base_of
from models_admin.models import ModelVersion
from search.indexing import encode as encode_module
from search.indexing import remap
from search.indexing.encode import encode_missing
from search.indexing.units import EncodedUnits
from search.job_types import ENCODE
from search.models import Document, Passage
from search.units.kind import UnitBatch, UnitFailure
from search.vectors.read import unit_vectors
from search.vectors.tables import VectorTable, table_drop
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store
from workers.inference.adapters import ResidualMap
from workers.jobs.context import JobContext
from workers.jobs.services import job_create
from workers.jobs.types import JobParameters

pytestmark = pytest.mark.django_db
DIM, COUNT = 16, 23
NETWORK = {
    "modalities": ["text"],
    "dim": DIM,
    "files": {"text.onnx": {"sha256": "a" * 64, "bytes": 1}},
    "payloads": {"onnx": {"text": "text.onnx"}},
}
ADAPTED = NETWORK | {
    "adapter": {"text": "adapter/text.npy"},
    "files": NETWORK["files"] | {"adapter/text.npy": {"sha256": "b" * 64, "bytes": 2}},
}


class Unwatched:
    """A job's context that nobody watches; it counts."""

    def __init__(self):
        self.counted = []

    def stage(self, *_args, **_more):
        pass

    def advance(self, done):
        self.counted.append(done)

    checkpoint = stage


@pytest.fixture
def passages():
    return make_documents(make_collection(), COUNT)


@pytest.fixture
def base(passages):
    version = make_version("net", dim=DIM, manifest=NETWORK, champion=False)
    store(version, passages, clustered(COUNT, DIM))
    return version


@pytest.fixture
def adapted(base):
    return make_version("net", dim=DIM, manifest=ADAPTED, champion=False)


@pytest.fixture
def one(monkeypatch):
    """The version's map, a few rows at a time."""
    made = ResidualMap(
        np.random.default_rng(5).normal(size=(DIM, DIM)).astype(np.float32), np.ones(DIM, np.float32)
    )
    monkeypatch.setattr(remap, "adapter_of", lambda version: {"text": made})
    monkeypatch.setattr(remap, "FLOATS_AT_ONCE", 10 * DIM)
    return made


def vectors_of(version):
    found = unit_vectors(version, "passage", Passage.objects.values_list("pk", flat=True))
    return np.array([found[unit] for unit in sorted(found)])


def test_what_is_missing_is_mapped_a_batch_at_a_time(base, adapted, one, passages):
    ctx = Unwatched()
    assert remap.remap_missing(adapted, "passage", ctx, COUNT) == COUNT
    assert ctx.counted == [10, 10, 3]
    np.testing.assert_allclose(vectors_of(adapted), one.vectors(vectors_of(base)), atol=1e-3)
    assert remap.remap_missing(adapted, "passage", Unwatched(), COUNT) == 0


@pytest.mark.parametrize("towers", [{}, {"text": ResidualMap.nothing(DIM)}])
def test_a_tower_that_is_not_moved_is_copied_exactly(base, adapted, one, monkeypatch, towers):
    monkeypatch.setattr(remap, "adapter_of", lambda version: towers)
    ctx = Unwatched()
    assert remap.remap_missing(adapted, "passage", ctx, COUNT) == COUNT
    assert ctx.counted == [10, 10, 3]
    assert np.array_equal(vectors_of(adapted), vectors_of(base))


def test_documents_that_went_or_moved_meanwhile_are_as_they_are_now(base, adapted, one, passages):
    elsewhere = make_collection("elsewhere")
    Document.objects.filter(pk=passages[0].document_id).update(collection=elsewhere)
    passages[1].document.delete()
    assert remap.remap_missing(adapted, "passage", Unwatched(), COUNT) == COUNT - 1
    table = VectorTable(adapted.pk, "passage").name
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT collection_id FROM {table} WHERE unit_id = %s", [passages[0].pk])
        assert cursor.fetchone()[0] == elsewhere.pk


def test_another_network_that_says_the_same_of_itself_gives_no_vectors(base, adapted, one):
    claimed = {"training": {"adapted_from": base.key}}
    other = ADAPTED | {"files": ADAPTED["files"] | {"text.onnx": {"sha256": "c" * 64, "bytes": 1}}} | claimed
    ModelVersion.objects.filter(pk=adapted.pk).update(manifest=other)
    adapted.refresh_from_db()
    assert base_of(adapted) is None
    assert remap.remap_missing(adapted, "passage", Unwatched(), COUNT) == 0


def test_a_network_whose_vectors_are_dropped_meanwhile_leaves_the_rest_to_the_encoder(
    base, adapted, one, monkeypatch
):
    real = remap.vectors_write

    def drops(*args):
        written = real(*args)
        table_drop(base)
        return written

    monkeypatch.setattr(remap, "vectors_write", drops)
    monkeypatch.setattr(remap, "_wanted", in_its_own_savepoint(remap._wanted))
    assert remap.remap_missing(adapted, "passage", Unwatched(), COUNT) == 10


def in_its_own_savepoint(function):
    """As outside of a test's transaction, a statement that fails spoils no others."""

    def run(*args):
        with transaction.atomic():
            return function(*args)

    return run


def test_units_that_never_could_be_encoded_do_not_condemn_a_version_that_has_all_others(
    base, adapted, one, passages, monkeypatch
):
    last = passages[-1].pk
    unit_table = VectorTable(base.pk, "passage").name
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {unit_table} WHERE unit_id = %s", [last])
    failed = [UnitFailure(last, "encoder.bad_output", "It is too long.")]
    monkeypatch.setattr(encode_module, "HOPELESS_FAILURES", 1)
    monkeypatch.setattr(encode_module, "encoder_of", lambda version: None)
    batches = [[UnitBatch([], [], failed)], []]
    monkeypatch.setattr(encode_module, "batches_missing", lambda *_: iter(batches.pop(0)))
    monkeypatch.setattr(
        encode_module, "encode", lambda *_: EncodedUnits([], np.empty((0, DIM), np.float32), failed)
    )
    job = job_create(ENCODE, JobParameters())
    monkeypatch.setattr(JobContext, "_write", lambda *_args, **_more: None)
    monkeypatch.setattr(JobContext, "checkpoint", lambda _self: None)
    report = encode_missing(adapted, JobContext(job))
    assert (report.remapped, report.encoded, report.failed) == (COUNT - 1, 0, 1)
