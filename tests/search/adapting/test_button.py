"""The button on a version's page: what it shows before, while and after marks are learned from."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from models_admin import job_ends, services
from models_admin.job_types import LEARN, LearnParameters, LearnResult
from models_admin.models import ModelVersion, VersionState
from models_admin.offers import offered_actions
from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from retrieval_site.typed_json import to_json
from tests.search.adapting.conftest import mark
from tests.support.pages import shown_page
from tests.support.tiny_bundle import tiny_manifest
from workers.adapting.examples import SEARCHES_MIN
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_create
from workers.models import Job

pytestmark = pytest.mark.django_db
LABEL = "Learn from marks</button>"


def page_of(client, version):
    return shown_page(client.get(reverse("admin:models_admin_modelversion_change", args=[version.pk])))


def press(client, version):
    url = reverse("admin:models_admin_modelversion_do", args=[version.pk, "learn"])
    return shown_page(client.post(url, follow=True))


def test_the_button_leads_to_a_version_that_says_what_it_gained(client, root, version, taken_for_valid):
    mark(version, count=90)
    page = page_of(client, version)
    assert LABEL in page
    assert "judged searches to learn from" in page
    page = press(client, version)
    assert "learns from marks; nothing changes for anybody" in page
    assert LABEL not in page  # one at a time
    job = Job.objects.get(type=LEARN.name)
    assert job.owner == root
    assert run_job_inline(job).state == "succeeded"
    page = page_of(client, version)
    assert "See tiny@2." in page
    assert LABEL in page
    new = ModelVersion.objects.get(number=2)
    page = page_of(client, new)
    assert "First hits" in page
    assert "learned from</td><td>tiny@1" in page
    assert "Activate" in page
    assert "Learned from marks, from tiny@1." in page


def test_the_page_says_in_words_that_there_is_nothing_to_learn(client, root, version):
    mark(version, count=4)
    assert f"({SEARCHES_MIN} are needed)" in page_of(client, version)
    press(client, version)
    assert run_job_inline(Job.objects.get(type=LEARN.name)).state == "succeeded"
    assert "Nothing to learn yet" in page_of(client, version)


def test_what_the_page_counts_is_different_photos_as_learning_does(client, root, version):
    shown = []
    for _ in range(3):
        mark(version, count=4)  # each time the same four photos
        (found,) = re.findall(
            rf"each photo or text once</td><td>(\d+) \({SEARCHES_MIN} are", page_of(client, version)
        )
        shown.append(int(found))
    assert shown == [shown[0]] * 3
    assert 0 < shown[0] <= 4


def test_versions_that_cannot_learn_do_not_offer_it(client, root, version):
    ModelVersion.objects.update(similarity="order")
    page = page_of(client, version)
    assert LABEL not in page
    assert "version.cannot_learn" in press(client, version)
    ModelVersion.objects.update(similarity="cosine", state=VersionState.VALID)
    assert LABEL not in page_of(client, version)
    assert "version.wrong_state" in press(client, version)


def test_whoever_does_not_manage_models_cannot_press_it(client, version):
    client.force_login(User.objects.create_user("staff", password="x", is_staff=True))
    client.post(reverse("admin:models_admin_modelversion_do", args=[version.pk, "learn"]))
    assert not Job.objects.filter(type=LEARN.name).exists()


@pytest.mark.parametrize(
    ("state", "error", "after"),
    [
        ("validating", "job.cancelled", "uploaded"),
        ("validating", "job.memory", "refused"),
        ("preparing", "job.lost", "valid"),
        ("ready", "job.lost", "ready"),
    ],
)
def test_a_version_whose_learning_ended_without_its_handler_does_not_stay_at_work(
    collection, version, state, error, after
):
    new = ModelVersion.objects.create(
        name="tiny", number=2, state=state, bundle=version.bundle, manifest=tiny_manifest(), dim=32
    )
    job = job_create(LEARN, LearnParameters(version=version.pk))
    job.result, job.error_id = to_json(LearnResult(said="x", new=new.key, new_id=new.pk)), error
    job_ends.learning_ended(job)
    new.refresh_from_db()
    assert new.state == after


def test_what_a_bundle_says_of_its_gain_is_its_authors_and_may_be_nonsense(client, root, version):
    odd = {"learned_from_marks": {"searches": "many"}}
    ModelVersion.objects.update(manifest=version.manifest | {"adapter": {"image": "a.npy"}, "metrics": odd})
    assert "First hits" not in page_of(client, version)


def test_a_version_that_is_being_learned_is_neither_retired_nor_deleted_nor_validated(client, root, version):
    new = ModelVersion.objects.create(
        name="tiny", number=2, state="uploaded", bundle=version.bundle, manifest=tiny_manifest(), dim=32
    )
    job = job_create(LEARN, LearnParameters(version=version.pk))
    Job.objects.filter(pk=job.pk).update(
        state="running", result=to_json(LearnResult(said="x", new=new.key, new_id=new.pk))
    )
    assert offered_actions(new) == []
    with pytest.raises(AppError, match=r"version\.busy"):
        services.version_delete(version=new)
    ModelVersion.objects.filter(pk=new.pk).update(state="preparing")
    new.refresh_from_db()
    with pytest.raises(AppError, match=r"version\.busy"):
        services.version_retire(version=new)
