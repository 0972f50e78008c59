"""A model's whole life with real bundles: upload, validate, prepare, activate, roll back, retire."""

from __future__ import annotations

import zipfile

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile

from models_admin import services
from models_admin.models import Activation, Alias, ModelVersion, VectorIndex, VersionState
from models_admin.services import champion
from retrieval_site.errors import AppError
from search.indexing import encode as encode_module
from search.indexing import prepare as prepare_module
from search.services.collections import collection_create
from search.services.document_fields import DocumentFields
from search.services.documents import DocumentRecord, documents_save, encode_soon
from search.vectors.coverage import coverage
from search.vectors.index import index_state
from search.vectors.tables import table_names
from tests.support.tiny_bundle import make_tiny_bundle
from workers.encoding.pool import POOL
from workers.inference.bundles import read_manifest
from workers.jobs.errors import JobCancelled, JobPaused
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_encoders():
    POOL.close()
    yield
    POOL.close()


@pytest.fixture
def corpus():
    collection = collection_create(name="Notes")
    save(collection, 0, 10)
    return collection


def save(collection, start, count):
    records = [
        DocumentRecord(f"d{n}", DocumentFields(body=f"A red pump {n}.")) for n in range(start, start + count)
    ]
    documents_save(collection=collection, records=records)


@pytest.fixture
def upload(tmp_path, monkeypatch):
    """Upload a tiny bundle of its own space; it is taken for valid, which the tests of validation show."""

    def run(seed=0, name="tiny") -> ModelVersion:
        path = make_tiny_bundle(tmp_path / f"{name}{seed}.zip", name=name, seed=seed)
        version, _ = services.version_upload(bundle=SimpleUploadedFile("b.zip", path.read_bytes()))
        if version.state == "uploaded":
            manifest = read_manifest(path)
            services.version_move(version, VersionState.VALID, manifest=manifest.to_json(), dim=manifest.dim)
        return version

    return run


@pytest.fixture
def validated(tmp_path):
    """Upload a tiny bundle and validate it in the real guarded child."""

    def run(path) -> tuple[ModelVersion, Job]:
        version, job = services.version_upload(bundle=SimpleUploadedFile("b.zip", path.read_bytes()))
        job = run_job_inline(job)
        version.refresh_from_db()
        return version, job

    return run


@pytest.fixture
def hostile_bundles(tmp_path):
    """Bundles that pass the upload, by the id for which validation refuses them."""
    import numpy as np
    from onnx import helper

    from tests.workers.inference import hostile

    nodes = [
        helper.make_node("MatMul", ["flat", "weights"], ["own"]),
        helper.make_node("Cast", ["flat"], ["at"], to=7),
        helper.make_node("Gather", ["numbers", "at"], ["read"]),
        helper.make_node("Cast", ["read"], ["value"], to=1),
        helper.make_node("ReduceSum", ["value"], ["sum"]),
        helper.make_node("Add", ["own", "sum"], ["raw"]),
    ]
    stored = {"weights": hostile.weights(), "numbers": np.zeros(3, np.int64)}
    vocabulary = hostile.vocabulary_bytes() + b"a\0word\n"
    graph = hostile.pooled(nodes, stored)
    return {
        "bundle.index_not_bounded": hostile.bundle_with(tmp_path / "i.zip", image=graph),
        "bundle.vocabulary_invalid": hostile.bundle_with(tmp_path / "v.zip", vocabulary=vocabulary),
    }


def test_a_hostile_bundle_ends_as_a_refused_version_with_its_reason(validated, hostile_bundles):
    for error_id, path in hostile_bundles.items():
        version, job = validated(path)
        assert (version.state, version.error_id) == (VersionState.REFUSED, error_id)
        assert (job.state, job.error_id) == ("failed", error_id)
        assert version.error.endswith(".")


def test_an_upload_whose_manifest_no_database_takes_is_refused_at_once(tmp_path):
    path = make_tiny_bundle(tmp_path / "b.zip")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for lie in (
        b'"training": {"a": 1e999}, "name"',
        b'"licence": "a\\u0000", "name"',
        b'"metrics": ["\\ud800"], "name"',
    ):
        manifest = members["manifest.json"].replace(b'"licence"', b'"description"').replace(b'"name"', lie, 1)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (members | {"manifest.json": manifest}).items():
                archive.writestr(name, content)
        with pytest.raises(AppError) as caught:
            services.version_upload(bundle=SimpleUploadedFile("b.zip", path.read_bytes()))
        assert caught.value.id == "bundle.manifest_invalid"
        assert not ModelVersion.objects.exists()


@pytest.fixture
def prepared(upload):
    """Upload, validate and prepare a version."""

    def run(seed=0) -> ModelVersion:
        version = upload(seed)
        job = run_job_inline(services.version_prepare(version=version))
        assert job.state == "succeeded", job.error
        version.refresh_from_db()
        return version

    return run


def test_a_good_bundle_becomes_valid_with_its_manifest_and_measurements(validated, tmp_path):
    version, job = validated(make_tiny_bundle(tmp_path / "tiny.zip"))
    assert job.state == "succeeded", job.error
    assert (version.key, version.state, version.dim, version.similarity) == ("tiny@1", "valid", 32, "cosine")
    assert version.manifest["text"]["tokenizer"] == "nltk-words"
    assert version.report["probes"]


def test_numbers_count_per_name_and_the_same_file_again_is_the_same_version(upload):
    assert upload(0).key == "tiny@1"
    assert upload(1).key == "tiny@2"
    assert upload(0).key == "tiny@1"
    assert upload(0, name="other").key == "other@1"
    assert Job.objects.filter(type="validate").count() == 3


def test_what_is_no_bundle_is_refused_at_upload():
    with pytest.raises(AppError, match=r"bundle\.not_a_zip"):
        services.version_upload(bundle=ContentFile(b"no zip", name="x.zip"))
    assert not ModelVersion.objects.exists()


def test_a_bundle_that_fails_validation_is_refused_with_its_reason(validated, tmp_path):
    good = make_tiny_bundle(tmp_path / "good.zip")
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(tmp_path / "bad.zip", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data[:-1] + b"x" if name == "image.onnx" else data)
    version, job = validated(tmp_path / "bad.zip")
    assert (version.state, job.state) == ("refused", "failed")
    assert version.error_id == job.error_id
    assert version.error_id.startswith("bundle.")
    assert version.error
    with pytest.raises(AppError, match=r"version\.wrong_state"):
        services.version_prepare(version=version)


def test_preparing_encodes_everything_and_makes_the_version_ready(prepared, corpus):
    version = prepared()
    assert version.state == "ready"
    assert coverage(version)["passage"].stored == 10


def test_each_version_keeps_its_own_index_through_activation_and_rollback(prepared, corpus, monkeypatch):
    monkeypatch.setattr(encode_module, "INDEX_ROWS_MIN", 5)
    first, second = prepared(0), prepared(1)
    services.version_activate(version=first)
    job = run_job_inline(services.version_prepare(version=second, index=VectorIndex.BINARY))
    assert job.state == "succeeded", job.error
    services.version_activate(version=second)
    second.refresh_from_db()
    assert (index_state(first, "passage").kind, index_state(second, "passage").kind) == ("hnsw", "binary")
    services.version_rollback()
    assert champion() == first
    run_job_inline(services.version_prepare(version=second, index=VectorIndex.EXACT))
    assert index_state(second, "passage").kind is None
    assert coverage(second)["passage"].complete


@pytest.mark.parametrize("index", [VectorIndex.TERNARY, VectorIndex.BINARY])
def test_codes_of_order_embeddings_are_refused_with_a_reason(upload, index):
    version = upload()
    services.version_move(version, VersionState.VALID, similarity="order")
    with pytest.raises(AppError, match="a ternary or binary index is for cosine only") as caught:
        services.version_prepare(version=version, index=index)
    assert caught.value.id == "version.index_not_supported"
    version.refresh_from_db()
    assert version.vector_index == "hnsw"
    assert not Job.objects.filter(type="prepare").exists()


def test_a_second_prepare_answers_with_the_running_job(upload):
    version = upload()
    job = services.version_prepare(version=version)
    assert services.version_prepare(version=version).pk == job.pk
    Job.objects.filter(pk=job.pk).update(state="running")
    assert services.version_prepare(version=version).pk == job.pk


def test_documents_that_change_while_a_version_is_prepared_are_caught_up(upload, corpus, monkeypatch):
    version = upload()
    original = encode_module.vectors_write
    calls = []

    def meanwhile(*args):
        if not calls:
            save(corpus, 100, 5)
            save(corpus, 0, 1)
        calls.append(args)
        return original(*args)

    monkeypatch.setattr(encode_module, "vectors_write", meanwhile)
    job = run_job_inline(services.version_prepare(version=version))
    assert job.state == "succeeded"
    assert coverage(version)["passage"].complete
    assert coverage(version)["passage"].total == 15


def test_a_failed_prepare_drops_the_new_tables_and_can_be_tried_again(upload, corpus, monkeypatch):
    version = upload()

    def failing(*args):
        raise AppError.quoting("thing.broken", "It is broken.")

    with monkeypatch.context() as patched:
        patched.setattr(encode_module, "vectors_write", failing)
        job = run_job_inline(services.version_prepare(version=version))
    version.refresh_from_db()
    assert (job.state, job.error_id, version.state, table_names()) == ("failed", "thing.broken", "valid", ())
    assert run_job_inline(services.version_prepare(version=version)).state == "succeeded"


@pytest.mark.parametrize(
    ("stop", "state", "tables"), [(JobCancelled, "valid", 0), (JobPaused, "preparing", 2)]
)
def test_cancelling_drops_the_new_tables_and_pausing_keeps_them(
    upload, corpus, monkeypatch, stop, state, tables
):
    version = upload()

    def stopping(*args):
        raise stop

    with monkeypatch.context() as patched:
        patched.setattr(prepare_module, "encode_missing", stopping)
        run_job_inline(services.version_prepare(version=version))
    version.refresh_from_db()
    assert (version.state, len(table_names())) == (state, tables)


def test_activation_moves_the_champion_and_is_logged(prepared, corpus, django_user_model):
    ann = django_user_model.objects.create_user("ann")
    version = prepared()
    activation = services.version_activate(version=version, by=ann, reason="first")
    assert services.champion() == version
    assert (activation.by, activation.reason, activation.previous) == (ann, "first", None)
    with pytest.raises(AppError, match=r"version\.already_active"):
        services.version_activate(version=version)


def test_a_version_that_is_not_ready_or_not_complete_is_not_activated(upload, prepared, corpus):
    with pytest.raises(AppError, match=r"version\.wrong_state"):
        services.version_activate(version=upload(5))
    version = prepared()
    save(corpus, 50, 3)
    with pytest.raises(AppError) as refused:
        services.version_activate(version=version)
    detail = {"model": version.key, "missing": {"passage": 3}}
    assert (refused.value.id, refused.value.detail) == ("version.incomplete", detail)
    assert run_job_inline(services.version_prepare(version=version)).state == "succeeded"
    services.version_activate(version=version)


def test_new_documents_are_encoded_for_the_previous_version_too_so_rolling_back_is_instant(prepared, corpus):
    first, second = prepared(0), prepared(1)
    services.version_activate(version=first)
    services.version_activate(version=second)
    save(corpus, 20, 4)
    assert run_job_inline(encode_soon()).state == "succeeded"
    assert coverage(first)["passage"].complete
    back = services.version_rollback()
    assert (services.champion(), back.previous) == (first, second)
    services.version_rollback()
    assert services.champion() == second
    assert Activation.objects.count() == 4


def test_rolling_back_to_what_is_incomplete_or_nothing_is_refused(prepared, corpus):
    with pytest.raises(AppError, match=r"version\.nothing_to_roll_back"):
        services.version_rollback()
    first, second = prepared(0), prepared(1)
    services.version_activate(version=first)
    services.version_activate(version=second)
    save(corpus, 20, 4)
    with pytest.raises(AppError, match=r"version\.incomplete"):
        services.version_rollback()
    assert services.champion() == second


def test_retiring_drops_the_vectors_but_never_those_in_use(prepared, corpus):
    first, second, third = prepared(0), prepared(1), prepared(2)
    services.version_activate(version=first)
    services.version_activate(version=second)
    for version in (first, second):
        with pytest.raises(AppError, match=r"version\.in_use"):
            services.version_retire(version=version)
    assert services.version_retire(version=third).state == "retired"
    assert services.version_retire(version=first, force=True).state == "retired"
    assert {table.version_id for table in table_names()} == {second.pk}
    assert Alias.objects.get().previous is None
    assert run_job_inline(services.version_prepare(version=first)).state == "succeeded"
    assert coverage(first)["passage"].complete


@pytest.fixture
def while_warming(monkeypatch):
    """Do something while the next version is made warm."""

    def run(done) -> None:
        def warm(version):
            monkeypatch.undo()
            done()

        monkeypatch.setattr(services, "_warm", warm)

    return run


@pytest.mark.parametrize("alias", ["champion", "challenger"])
def test_a_version_that_is_retired_while_it_is_warmed_is_not_activated(
    prepared, corpus, while_warming, alias
):
    first, second = prepared(0), prepared(1)
    services.version_activate(version=first)
    while_warming(lambda: services.version_retire(version=second))
    with pytest.raises(AppError, match=r"version\.wrong_state"):
        services.version_activate(version=second, alias=alias)
    assert champion() == first
    assert not Alias.objects.filter(version=second).exists()


def test_rolling_back_while_another_version_is_activated_keeps_that_one(prepared, corpus, while_warming):
    first, second, third = (prepared(seed) for seed in range(3))
    services.version_activate(version=first)
    services.version_activate(version=second)
    while_warming(lambda: services.version_activate(version=third))
    with pytest.raises(AppError, match=r"version\.moved_meanwhile"):
        services.version_rollback()
    assert champion() == third
    assert Alias.objects.get().previous == second


def test_a_version_passes_the_gate_beside_the_champion_that_it_replaces(prepared, corpus, while_warming):
    first, second, third = (prepared(seed) for seed in range(3))
    services.version_activate(version=first)

    def gate(version, champion):
        if (version, champion) == (third, second):
            raise AppError("version.judged_worse", model=version.key, judged={})

    while_warming(lambda: services.version_activate(version=second, force=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "check_gate", gate)
        with pytest.raises(AppError, match=r"version\.judged_worse"):
            services.version_activate(version=third)
    assert champion() == second


def test_retiring_waits_for_whoever_moves_either_alias(prepared, corpus, monkeypatch):
    version, locked = prepared(), []
    monkeypatch.setattr(services, "registry_lock", locked.append)
    services.version_retire(version=version)
    assert locked == ["alias champion", "alias challenger"]


def test_a_version_that_a_job_prepares_is_not_retired(upload):
    version = upload()
    services.version_prepare(version=version)
    with pytest.raises(AppError, match=r"version\.busy"):
        services.version_retire(version=version)


def test_versions_are_found_by_alias_and_by_name(prepared):
    version = prepared()
    services.version_activate(version=version)
    assert services.version_find("champion") == services.version_find("tiny@1") == version
    for unknown in ("challenger", "tiny@2", "tiny", "tiny@x", "@", ""):
        with pytest.raises(AppError, match=r"model\.not_found"):
            services.version_find(unknown)
