"""A version never stays in a state that its job has left: killed, lost, cancelled or not permitted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from models_admin.job_types import (
    GET_MODEL,
    LEARN,
    MAKE_STARTER,
    PREPARE,
    VALIDATE,
    GetModelParameters,
    LearnParameters,
    StarterParameters,
    VersionParameters,
)
from models_admin.models import ModelVersion
from models_admin.services import version_prepare, version_validate
from retrieval_site.accounts.models import User
from workers.jobs import apart, services
from workers.jobs.apart import End
from workers.jobs.runner import run_job_inline
from workers.jobs.sweeper import sweep
from workers.models import Job
from workers.storage.blobs import blob_store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_redis")]


@pytest.fixture
def version():
    return ModelVersion.objects.create(name="tiny", number=1, bundle=blob_store(b"zip", "application/zip"))


def at_work(version, state, job_type):
    """A job that runs, and the version in the state in which its handler left it."""
    job = services.job_create(job_type, VersionParameters(version=version.pk))
    ModelVersion.objects.update(state=state)
    return services.job_claim(job.pk)


def fresh(version):
    version.refresh_from_db()
    return version.state, version.error_id


def test_a_validation_that_took_too_much_memory_refuses_its_version_with_that_reason(version, monkeypatch):
    told = []
    monkeypatch.setattr("retrieval_site.events._listeners", [lambda *event: told.append(event)])
    job = at_work(version, "validating", VALIDATE)
    apart._settle(job, End(over_memory=True))
    assert fresh(version) == ("refused", "job.memory")
    refused = {"model": version.key, "state": "refused", "error_id": "job.memory"}
    assert ("version.refused", refused) in told
    assert version.error.endswith("MB of memory that one job may use.")
    again = version_validate(version=version)
    assert (again.pk, again.state) == (job.pk, "queued")


def test_a_validation_whose_process_dies_once_is_tried_again_and_twice_refuses_its_version(version):
    job = at_work(version, "validating", VALIDATE)
    apart._settle(job, End(exit_code=-11))
    assert fresh(version) == ("validating", "")
    apart._settle(services.job_claim(job.pk), End(exit_code=-11))
    assert fresh(version) == ("refused", "job.lost")
    assert "SIGSEGV" in version.error


def test_a_validation_whose_worker_was_lost_too_often_refuses_its_version(version):
    job = at_work(version, "validating", VALIDATE)
    past = timezone.now() - timedelta(seconds=1)
    Job.objects.update(attempts=services.ATTEMPTS_MAX, lease_until=past)
    assert sweep().given_up == 1
    job.refresh_from_db()
    assert (job.state, *fresh(version)) == ("failed", "refused", "job.lost")


@pytest.mark.parametrize("request_", ["cancel", "pause"])
def test_a_cancelled_validation_leaves_the_version_as_uploaded_also_where_its_worker_is_gone(
    version, request_
):
    at_work(version, "validating", VALIDATE)
    Job.objects.update(request=request_, lease_until=timezone.now() - timedelta(seconds=1))
    sweep()
    if request_ == "pause":
        assert fresh(version) == ("validating", "")
        services.job_request_cancel(Job.objects.get())
    assert fresh(version) == ("uploaded", "")
    assert version_validate(version=version).state == "queued"


def test_a_prepare_job_that_died_leaves_a_valid_version_that_says_why(version):
    job = at_work(version, "preparing", PREPARE)
    apart._settle(job, End(over_memory=True))
    assert fresh(version) == ("valid", "job.memory")
    assert version_prepare(version=version).state == "queued"


def test_a_job_whose_owner_may_no_more_leaves_no_version_behind(version):
    owner = User.objects.create_superuser("root", password="x")
    job = services.job_create(PREPARE, VersionParameters(version=version.pk), owner=owner)
    ModelVersion.objects.update(state="preparing")
    User.objects.update(is_superuser=False)
    assert run_job_inline(job).error_id == "job.not_permitted"
    assert fresh(version) == ("valid", "job.not_permitted")


def test_catching_up_a_ready_version_that_dies_leaves_it_ready(version):
    job = at_work(version, "ready", PREPARE)
    apart._settle(job, End(over_memory=True))
    assert fresh(version) == ("ready", "")


@pytest.mark.parametrize(
    ("job_type", "parameters", "names"),
    [
        (GET_MODEL, GetModelParameters(model="tiny"), "version"),
        (MAKE_STARTER, StarterParameters(), "version"),
        (LEARN, LearnParameters(version=0), "new_id"),
    ],
)
@pytest.mark.parametrize(("end", "state"), [({"over_memory": True}, "refused"), (None, "uploaded")])
def test_a_job_that_makes_a_version_leaves_none_in_validation(
    version, job_type, parameters, names, end, state
):
    job = services.job_claim(services.job_create(job_type, parameters).pk)
    ModelVersion.objects.update(state="validating")
    Job.objects.update(result={names: version.pk})
    job.refresh_from_db()
    if end:
        apart._settle(job, End(**end))
    else:
        Job.objects.update(request="cancel", lease_until=timezone.now() - timedelta(seconds=1))
        sweep()
    assert fresh(version)[0] == state
