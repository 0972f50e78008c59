"""A bundle's way into MLflow's registry and back, through the commands."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from models_admin.models import ModelVersion
from tests.support.tiny_bundle import make_tiny_bundle

pytest.importorskip("mlflow.tracking", reason="requirements/mlflow.txt is not installed")
pytestmark = pytest.mark.django_db


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An MLflow store in a file of its own."""
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/registry.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri


def said(command, *args, **options):
    out = StringIO()
    call_command(command, *args, stdout=out, **options)
    return out.getvalue()


def client(store):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=store)


def test_a_version_goes_there_under_an_alias_and_comes_back_as_the_same_bytes(store, tmp_path):
    file = make_tiny_bundle(tmp_path / "tiny.zip")
    said("upload_model", str(file))
    ModelVersion.objects.update(tags=["autumn"])
    assert "models:/pumps@live is version 1" in said("register_model", "tiny@1", name="pumps", alias="live")
    registered = client(store).get_model_version_by_alias("pumps", "live")
    assert registered.tags["sightline.model"] == "tiny@1"
    assert "sightline.tag.autumn" in registered.tags
    back = tmp_path / "back.zip"
    said("download_model", "models:/pumps@live", out=back)
    assert back.read_bytes() == file.read_bytes()
    ModelVersion.objects.all().delete()
    assert "tiny@1" in said("upload_model", "models:/pumps/1")
    version = ModelVersion.objects.get()
    assert (version.state, version.note) == ("valid", "models:/pumps/1")
    assert version.tags == ["autumn"]


def test_tags_that_came_later_go_there_with_the_same_file_and_come_back_beside_others(store, tmp_path):
    said("upload_model", str(make_tiny_bundle(tmp_path / "tiny.zip")))
    said("register_model", "tiny@1", alias="live")
    ModelVersion.objects.update(tags=["autumn", "two words"])
    assert "had it already" in said("register_model", "tiny@1")
    registered = client(store).get_model_version_by_alias("tiny", "live")
    assert {"sightline.tag.autumn", "sightline.tag.two words", "sightline.sha256"} <= set(registered.tags)
    client(store).set_model_version_tag("tiny", registered.version, "sightline.tag." + "x" * 51, "")
    client(store).set_model_version_tag("tiny", registered.version, "owner", "somebody else's program")
    ModelVersion.objects.update(tags=["kept", "autumn"])
    err = StringIO()
    said("upload_model", "models:/tiny@live", stderr=err)
    assert ModelVersion.objects.get().tags == ["kept", "autumn", "two words"]
    assert "x" * 51 in err.getvalue()


def test_the_same_bundle_is_one_version_there_and_another_one_the_next(store, tmp_path):
    for seed in (0, 1):
        said("upload_model", str(make_tiny_bundle(tmp_path / f"{seed}.zip", seed=seed)))
    said("register_model", "tiny@1", alias="live")
    assert "had it already" in said("register_model", "tiny@1")
    assert "is version 2" in said("register_model", "tiny@2", alias="live")
    assert client(store).get_model_version_by_alias("tiny", "live").version == 2


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("models:/nothing@live", "nothing"),
        ("models:/x", "is not models:/name@alias"),
        ("models:/../x@y/z", "is not models:/name@alias"),
    ],
)
def test_what_is_not_there_or_no_address_is_said(store, address, words):
    with pytest.raises(CommandError, match=words):
        said("upload_model", address)


def test_a_model_that_is_no_bundle_and_one_whose_file_was_changed_are_refused(store, tmp_path):
    mlflow = client(store)
    said("upload_model", str(make_tiny_bundle(tmp_path / "tiny.zip")))
    said("register_model", "tiny@1", alias="live")
    run = mlflow.get_run(mlflow.get_model_version("tiny", "1").run_id)
    other = tmp_path / "note.txt"
    other.write_text("no bundle")
    mlflow.create_registered_model("text")
    logged = mlflow.create_run(run.info.experiment_id)
    mlflow.log_artifact(logged.info.run_id, str(other), "bundle")
    mlflow.create_model_version("text", f"{logged.info.artifact_uri}/bundle", logged.info.run_id)
    with pytest.raises(CommandError, match="is no bundle"):
        said("download_model", "models:/text/1", out=tmp_path / "a.zip")
    [kept] = (tmp_path / "artifacts").rglob("tiny-1*.zip")
    kept.write_bytes(kept.read_bytes() + b"more")
    with pytest.raises(CommandError, match="not the file that was registered"):
        said("download_model", "models:/tiny@live", out=tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


def test_without_a_store_it_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(CommandError, match="Say where MLflow is"):
        said("upload_model", "models:/a@b")
