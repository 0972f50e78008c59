"""The catalogue: getting a model from a hub or a folder, licences that are asked for, and its page and commands."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from django.utils.html import escape

from models_admin import catalogue as getting
from models_admin.job_types import GET_MODEL
from models_admin.jobs import validate_version
from models_admin.models import LicenceAcceptance, ModelVersion, VersionState
from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from tests.support.hub_server import COMMIT, HubServer, served_hub
from tests.support.pages import shown_page
from tests.support.published_graphs import repository_files
from workers.hub.catalogue import catalogue
from workers.jobs.errors import JobInterrupted
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db

FREE, RESEARCH = "clip-vit-b-32", "mobileclip2-s0"


@pytest.fixture
def model(monkeypatch):
    """Let the catalogue have the small repository of these tests under the first model's name, and a branch."""
    known = replace(catalogue()[FREE], repository="some/model", revision="main")
    monkeypatch.setitem(catalogue(), FREE, known)
    return known


@pytest.fixture
def hub(monkeypatch, tmp_path):
    server = HubServer("some/model", repository_files())
    with served_hub(server) as endpoint:
        config = replace(
            settings.CONFIG, hub_endpoint=endpoint, hub_cache=tmp_path / "hub", hub_offline=False
        )
        monkeypatch.setattr(settings, "CONFIG", config)
        yield server


def test_a_model_is_fetched_validated_and_prepared_by_one_job(hub, model, monkeypatch):
    monkeypatch.setattr("workers.inference.published.libraries.missing_libraries", list)
    job = run_job_inline(getting.model_get(model=model))
    assert (job.state, job.error) == ("succeeded", "")
    result = GET_MODEL.result_of(job)
    version = ModelVersion.objects.get(pk=result.version)
    assert result.commit == COMMIT
    assert version.name == FREE
    assert version.state == VersionState.VALID
    source = version.manifest["training"]["source"]
    assert source["commit"] == COMMIT
    assert source["files"]["tokenizer.json"]["bytes"] == len(hub.files["tokenizer.json"])
    assert len(source["files"]["onnx/text_model.onnx"]["sha256"]) == 64
    assert Job.objects.filter(type="prepare", params__version=version.pk).exists()
    assert "The hub has no" in source["weights_left_out"]  # whoever asked for them, the model is taken over
    assert not any("pytorch_model.bin" in path for _, path, _ in hub.asked)


def test_weights_that_nothing_here_can_use_are_not_fetched(hub, model, monkeypatch):
    monkeypatch.setattr("workers.inference.published.libraries.missing_libraries", lambda: ["torch"])
    hub.files["model.safetensors"] = b"x" * 100
    job = run_job_inline(getting.model_get(model=model))
    assert (job.state, job.error) == ("succeeded", "")
    assert not any("safetensors" in path for _, path, _ in hub.asked)
    source = ModelVersion.objects.get().manifest["training"]["source"]
    assert source["weights_left_out"] == "torch is not installed"
    assert "onnx/text_model.onnx" in source["files"]


def test_another_hub_can_be_named_and_gets_no_token(hub, model, monkeypatch):
    endpoint = settings.CONFIG.hub_endpoint
    config = replace(settings.CONFIG, hub_endpoint="https://hub.example", hub_token="ours")
    monkeypatch.setattr(settings, "CONFIG", config)
    job = run_job_inline(getting.model_get(model=model, endpoint=endpoint))
    assert (job.state, job.error) == ("succeeded", "")
    assert not getting.hub_settings(endpoint).token
    assert getting.hub_settings(endpoint).cache != getting.hub_settings().cache
    assert ModelVersion.objects.get().manifest["training"]["source"]["hub"] == endpoint
    for wrong in ("file:///etc", "https://a b", "hub.example"):
        with pytest.raises(AppError, match=r"hub\.bad_endpoint"):
            getting.model_get(model=model, endpoint=wrong)


def test_a_folder_of_the_same_layout_works_without_a_network(model, tmp_path):
    for name, content in repository_files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    job = run_job_inline(getting.model_get(model=model, folder=str(tmp_path)))
    assert (job.state, job.error) == ("succeeded", "")
    assert GET_MODEL.result_of(job).commit is None


def test_a_job_goes_on_with_the_version_that_it_has_stored(hub, model, monkeypatch):
    job = getting.model_get(model=model)
    monkeypatch.setattr("models_admin.jobs.validate_version", _stopped)
    assert run_job_inline(job).state == "queued"
    monkeypatch.setattr("models_admin.jobs.validate_version", validate_version)
    version = ModelVersion.objects.get()
    hub.asked.clear()
    assert run_job_inline(Job.objects.get(pk=job.pk)).state == "succeeded"
    assert ModelVersion.objects.get() == version
    assert hub.asked == []


def _stopped(version, run):
    raise JobInterrupted


def test_what_the_hub_refuses_stands_in_the_job(hub, model):
    hub.files.pop("tokenizer.json")
    job = run_job_inline(getting.model_get(model=model))
    assert (job.state, job.error_id) == ("failed", "hub.unknown_layout")
    assert not ModelVersion.objects.exists()


def test_a_licence_for_research_is_asked_for_once_and_kept(root):
    known = catalogue()[RESEARCH]
    with pytest.raises(AppError) as error:
        getting.model_get(model=known, by=root)
    assert error.value.id == "hub.licence_not_accepted"
    assert not Job.objects.exists()
    getting.model_get(model=known, by=root, accept=True)
    getting.model_get(model=known, by=root)
    accepted = LicenceAcceptance.objects.get()
    assert (accepted.by, accepted.licence) == (root, known.licence)


def test_a_licence_that_has_changed_since_is_to_be_accepted_again():
    LicenceAcceptance.objects.create(model=RESEARCH, licence="another licence", url="https://example.org/")
    card = next(card for card in getting.cards() if card.model.name == RESEARCH)
    assert card.must_accept
    getting.licence_accept(model=card.model, by=None)
    assert not next(card for card in getting.cards() if card.model.name == RESEARCH).must_accept


def test_the_page_shows_every_model_and_gets_one(client, root):
    page = shown_page(client.get(reverse("admin:models_admin_catalogue")))
    for known in catalogue().values():
        assert escape(known.title) in page
        assert escape(known.licence) in page
    answer = client.post(reverse("admin:models_admin_catalogue_get", args=[FREE]))
    job = Job.objects.get(type=GET_MODEL.name)
    assert answer.headers["Location"] == reverse("admin:workers_job_change", args=[job.pk])
    assert job.owner == root
    refused = client.post(reverse("admin:models_admin_catalogue_get", args=[RESEARCH]), follow=True)
    assert "hub.licence_not_accepted" in shown_page(refused)
    client.post(reverse("admin:models_admin_catalogue_get", args=[RESEARCH]), {"accept": "yes"})
    assert LicenceAcceptance.objects.get().by == root
    assert "licence accepted" in shown_page(client.get(reverse("admin:models_admin_catalogue")))


def test_the_page_is_for_those_who_manage_models(client):
    client.force_login(User.objects.create_user("staff", password="x", is_staff=True))
    assert client.get(reverse("admin:models_admin_catalogue")).status_code == 403
    assert client.post(reverse("admin:models_admin_catalogue_get", args=[FREE])).status_code == 403
    assert not Job.objects.exists()


def test_the_versions_page_leads_to_the_catalogue(client, root):
    assert reverse("admin:models_admin_catalogue") in shown_page(
        client.get(reverse("admin:models_admin_modelversion_changelist"))
    )


def test_the_command_lists_and_refuses(model):
    out = io.StringIO()
    call_command("models", "list", stdout=out)
    assert all(name in out.getvalue() for name in catalogue())
    assert "RESEARCH ONLY" in out.getvalue()
    assert "manage.py models starter" in out.getvalue()
    assert "quality none known" not in out.getvalue()
    assert "from some/model at main, the newest (not pinned)" in out.getvalue()
    pinned = catalogue()[RESEARCH]
    assert f"from {pinned.repository} at {pinned.revision}\n" in out.getvalue()
    for arguments, expected in (
        (["nothing"], "hub.unknown_model"),
        ([RESEARCH], "hub.licence_not_accepted"),
        ([FREE, "--folder", "/nowhere"], "hub.folder_missing"),
        ([RESEARCH, "--weights-revision", "main"], "hub.invalid_name"),
    ):
        with pytest.raises(CommandError) as error:
            call_command("models", "get", *arguments, stdout=io.StringIO())
        assert expected in str(error.value)


def test_a_row_without_a_published_quality_says_so(client, root, model, monkeypatch):
    page = shown_page(client.get(reverse("admin:models_admin_catalogue")))
    assert "none known" not in page
    assert "the newest (not pinned)" in page
    monkeypatch.setitem(catalogue(), FREE, replace(model, quality=()))
    assert "none known" in shown_page(client.get(reverse("admin:models_admin_catalogue")))
    out = io.StringIO()
    call_command("models", "list", stdout=out)
    assert "quality none known" in out.getvalue()


def test_another_revision_of_the_weights_can_be_asked_for(hub, model, monkeypatch):
    monkeypatch.setattr("workers.inference.published.libraries.missing_libraries", list)
    monkeypatch.setitem(catalogue(), FREE, replace(model, weights_repository="some/model"))
    job = run_job_inline(getting.model_get(model=catalogue()[FREE], weights_revision="no-such-branch"))
    assert (job.state, job.error) == ("succeeded", "")
    asked = [path for _, path, _ in hub.asked]
    assert "/api/models/some/model/revision/no-such-branch" in asked
    assert "no-such-branch" in ModelVersion.objects.get().manifest["training"]["source"]["weights_left_out"]


def test_the_command_gets_a_model_ready_to_be_activated(hub, model):
    out = io.StringIO()
    call_command("models", "get", FREE, stdout=out)
    version = ModelVersion.objects.get()
    assert version.key in out.getvalue()
    assert version.state == VersionState.READY
