"""`manage.py demo load`: everything is there afterwards, and doing it again changes nothing."""

from __future__ import annotations

import tempfile

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from demo import load as load_module
from demo.examples import examples
from models_admin.models import Activation, ModelVersion
from models_admin.services import champion
from search.guide import example_path
from search.models import Collection, Document
from search.vectors.coverage import coverage
from tests.support.tiny_bundle import make_tiny_bundle
from workers.encoding.pool import POOL
from workers.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clean_redis")]


@pytest.fixture
def small(tmp_path, settings, monkeypatch):
    """A small demo in a data folder of its own, drawn in this process."""
    settings.DATA_DIR = tmp_path / "data"
    monkeypatch.setattr(load_module.os, "cpu_count", lambda: 1)
    monkeypatch.setattr(load_module, "EXAMPLE_PX", 64)
    POOL.close()
    yield make_tiny_bundle(tmp_path / "tiny.zip", name="demo")
    POOL.close()


def test_loading_brings_documents_a_champion_and_examples_and_again_changes_nothing(small, capsys):
    call_command("demo", "load", bundle=small, count=20)
    collection = Collection.objects.get()
    assert (collection.slug, collection.visibility) == ("machine-parts", "public")
    documents = Document.objects.filter(collection=collection)
    assert documents.count() == 20
    assert documents.exclude(images=None).exists()
    assert set(documents.first().metadata) == {"kind", "colour", "condition"}
    version = champion()
    assert version.key == "demo@1"
    assert all(found.complete and found.total for found in coverage(version).values())
    before = (Job.objects.count(), ModelVersion.objects.count(), Activation.objects.count())
    call_command("demo", "load", bundle=small, count=20)
    assert (Job.objects.count(), ModelVersion.objects.count(), Activation.objects.count()) == before
    assert "demo@1 answers searches" in capsys.readouterr().out


def test_its_documents_reach_a_worker_that_sees_nothing_of_this_machine_and_leave_nothing_here(
    small, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "here"))
    (tmp_path / "here").mkdir()
    call_command("demo", "load", bundle=small, count=20)
    imports = Job.objects.filter(type="import")
    assert imports.count() == 2
    assert all("path" not in job.params and job.params["blob"] for job in imports)
    assert not [path for path in (tmp_path / "here").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_examples_are_pictures_with_labels_and_found_by_key(small):
    assert examples() == []
    load_module.draw_examples()
    found = examples()
    assert len(found) == 8
    for key, label, path in found:
        with Image.open(path) as picture:
            assert picture.size == (64, 64)
        assert example_path(key) == path
        assert all(word in label for word in key.split("-"))
    assert example_path("../../etc/passwd") is None
    stamp = found[0][2].stat().st_mtime_ns
    load_module.draw_examples()
    assert found[0][2].stat().st_mtime_ns == stamp


def test_another_champion_stays_the_champion(small, tmp_path):
    call_command("demo", "load", bundle=make_tiny_bundle(tmp_path / "own.zip", name="own", seed=3), count=5)
    call_command("demo", "load", bundle=small, count=5)
    assert champion().key == "own@1"
    assert ModelVersion.objects.get(name="demo").state == "ready"


def test_a_part_that_fails_is_named_with_its_reason(small, tmp_path):
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"no bundle")
    with pytest.raises(CommandError, match=r"bundle\.not_a_zip"):
        call_command("demo", "load", bundle=broken, count=5)
