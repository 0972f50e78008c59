"""Models of no catalogue: got from any repository or folder in a known layout, by the command and the page."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from models_admin.job_types import GET_MODEL, GetModelParameters
from models_admin.models import LicenceAcceptance, ModelVersion, VersionState
from models_admin.own_models import own_model_get
from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from tests.support.hub_server import COMMIT, HubServer, served_hub
from tests.support.pages import shown_page
from tests.support.published_graphs import repository_files
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db

REPOSITORY, NAME, LICENCE = "somebody/tiny-clip", "our-clip", "CC-BY-4.0"
ASKED = GetModelParameters(repository=REPOSITORY, name=NAME, licence=LICENCE)
FORM = {"repository": REPOSITORY, "name": NAME, "licence": LICENCE, "variant": "", "accept": "on"}
OWN = "admin:models_admin_catalogue_own"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    server = HubServer(REPOSITORY, repository_files())
    with served_hub(server) as endpoint:
        config = replace(
            settings.CONFIG, hub_endpoint=endpoint, hub_cache=tmp_path / "hub", hub_offline=False
        )
        monkeypatch.setattr(settings, "CONFIG", config)
        yield server


def moved(files, folder):
    """Return a repository's files with the graphs and how pictures are prepared in another folder."""
    inside = {"preprocessor_config.json", "onnx/vision_model.onnx", "onnx/text_model.onnx"}
    return {
        (f"{folder}/{name.removeprefix('onnx/')}" if name in inside else name): body
        for name, body in files.items()
    }


def test_the_command_gets_any_repository_ready_to_be_activated(hub):
    out = io.StringIO()
    call_command(
        "models", "get", "--repository", REPOSITORY, "--name", NAME, "--licence", LICENCE, stdout=out
    )
    version = ModelVersion.objects.get()
    assert version.key in out.getvalue()
    assert (version.name, version.state) == (NAME, VersionState.READY)
    assert version.manifest["licence"] == LICENCE
    source = version.manifest["training"]["source"]
    assert (source["repository"], source["commit"]) == (REPOSITORY, COMMIT)
    assert "catalogue" not in source
    accepted = LicenceAcceptance.objects.get()
    assert (accepted.model, accepted.licence) == (NAME, LICENCE)
    assert accepted.url == f"{settings.CONFIG.hub_endpoint}/{REPOSITORY}"
    assert not any("pytorch_model.bin" in path for _, path, _ in hub.asked)


def test_graphs_in_a_folder_of_the_repository_and_a_revision_are_asked_for(hub):
    hub.files = moved(hub.files, "graphs/small")
    asked = replace(ASKED, subfolder="graphs/small", revision=COMMIT)
    job = run_job_inline(own_model_get(asked=asked, accept=True))
    assert (job.state, job.error) == ("succeeded", "")
    files = ModelVersion.objects.get().manifest["training"]["source"]["files"]
    assert "graphs/small/vision_model.onnx" in files
    wrong = run_job_inline(own_model_get(asked=replace(ASKED, name="other"), accept=True))
    assert (wrong.state, wrong.error_id) == ("failed", "hub.unknown_layout")


def test_a_folder_needs_no_row_and_no_network(tmp_path):
    for name, content in moved(repository_files(), "small").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    out = io.StringIO()
    call_command(
        "models", "get", "--folder", str(tmp_path), "--subfolder", "small", "--name", NAME, "--licence", LICENCE,
        stdout=out,
    )  # fmt: skip
    version = ModelVersion.objects.get(name=NAME)
    assert version.key in out.getvalue()
    assert version.manifest["training"]["source"]["folder"] == tmp_path.name
    assert "repository" not in version.manifest["training"]["source"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"repository": "../../etc"}, "hub.invalid_name"),
        ({"repository": "a/b/c"}, "hub.invalid_name"),
        ({"repository": "some/mo..del"}, "hub.invalid_name"),
        ({"repository": "some/model?x=1#"}, "hub.invalid_name"),
        ({"repository": "https://hub.example/some/model"}, "hub.invalid_name"),
        ({"repository": "some/" + "m" * 97}, "hub.invalid_name"),
        ({"repository": ""}, "hub.invalid_name"),
        ({"folder": "/somewhere"}, "hub.invalid_name"),
        ({"revision": "main/../other"}, "hub.invalid_name"),
        ({"revision": "ma in"}, "hub.invalid_name"),
        ({"subfolder": "onnx/../../etc"}, "hub.invalid_name"),
        ({"subfolder": "/onnx"}, "hub.invalid_name"),
        ({"subfolder": "a/b/c/d/e/f"}, "hub.invalid_name"),
        ({"variant": "int8"}, "hub.invalid_name"),
        ({"name": ""}, "hub.invalid_name"),
        ({"name": "n" * 64}, "hub.invalid_name"),
        ({"name": "../model"}, "hub.invalid_name"),
        ({"name": "mo\ndel"}, "hub.invalid_name"),
        ({"name": "clip-vit-b-32"}, "hub.invalid_name"),
        ({"name": "starter"}, "hub.invalid_name"),
        ({"licence": ""}, "hub.invalid_name"),
        ({"licence": " "}, "hub.invalid_name"),
        ({"licence": "x" * 201}, "hub.invalid_name"),
        ({"licence": "MIT\nand more"}, "hub.invalid_name"),
        ({"endpoint": "file:///etc"}, "hub.bad_endpoint"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_kept(changed, error):
    with pytest.raises(AppError) as refused:
        own_model_get(asked=replace(ASKED, **changed), accept=True)
    assert refused.value.id == error
    assert len(refused.value.message) < 300
    assert not Job.objects.exists()
    assert not LicenceAcceptance.objects.exists()


def test_nothing_is_fetched_before_the_licence_is_accepted():
    with pytest.raises(AppError) as error:
        own_model_get(asked=ASKED)
    assert error.value.id == "hub.licence_not_accepted"
    assert LICENCE in error.value.message
    assert not Job.objects.exists()


def test_a_job_whose_acceptance_was_deleted_fetches_nothing(hub):
    job = own_model_get(asked=ASKED, accept=True)
    LicenceAcceptance.objects.all().delete()
    assert run_job_inline(job).error_id == "hub.licence_not_accepted"
    assert hub.asked == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["clip-vit-b-32", "--name", NAME],
        ["--repository", REPOSITORY, "--name", NAME],
        ["--repository", REPOSITORY, "--licence", LICENCE],
    ],
)
def test_the_command_says_what_it_lacks(arguments):
    with pytest.raises(CommandError, match="--name and --licence"):
        call_command("models", "get", *arguments, stdout=io.StringIO())
    assert not Job.objects.exists()


def test_the_page_asks_for_the_licence_and_starts_the_job(client, root):
    unaccepted = client.post(reverse(OWN), FORM | {"accept": ""})
    assert unaccepted.status_code == 200
    assert not Job.objects.exists()
    answer = client.post(reverse(OWN), FORM)
    job = Job.objects.get(type=GET_MODEL.name)
    assert answer.headers["Location"] == reverse("admin:workers_job_change", args=[job.pk])
    assert GET_MODEL.find_parameters(job) == ASKED
    assert job.owner == root
    assert LicenceAcceptance.objects.get().by == root


def test_the_page_keeps_what_was_typed_and_says_the_errors_id(client, root):
    page = shown_page(client.post(reverse(OWN), FORM | {"subfolder": "onnx/../..", "licence": '"><b>x'}))
    assert "hub.invalid_name" in page
    assert f'value="{REPOSITORY}"' in page
    assert "<b>x" not in page
    assert not Job.objects.exists()


def test_the_form_is_for_those_who_manage_models(client):
    client.force_login(User.objects.create_user("staff", password="x", is_staff=True))
    assert client.post(reverse(OWN), FORM).status_code == 403
    client.logout()
    assert client.post(reverse(OWN), FORM).status_code == 302
    assert client.get(reverse(OWN)).status_code == 302
    assert not Job.objects.exists()
