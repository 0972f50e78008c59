"""The admin's first page says what answers, what is stored, what is at work and what went wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from retrieval_site.accounts.models import User
from retrieval_site.health import checks
from retrieval_site.health.checks import CheckFailedError
from search.models import Membership
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store
from workers.models import Job, JobState

pytestmark = pytest.mark.django_db
INDEX = "admin:index"


@pytest.fixture(autouse=True)
def _only_these_checks(monkeypatch):
    monkeypatch.setattr(checks, "_checks", {"database": checks.check_database})


@pytest.fixture
def page(client):
    """The first page as a user sees it, without line breaks."""

    def shown(user):
        client.force_login(user)
        return " ".join(client.get(reverse(INDEX)).content.decode().split())

    return shown


@pytest.fixture
def superuser():
    return User.objects.create_superuser("chief")


@pytest.fixture
def curator():
    return User.objects.create_user("curator", is_staff=True)


def test_a_new_installation_asks_for_a_model(page, superuser):
    shown = page(superuser)
    assert f'<a href="{reverse("admin:models_admin_modelversion_add")}">No model yet: upload one</a>' in shown
    assert f'<a href="{reverse("admin:models_admin_catalogue")}">or get one from the catalogue</a>' in shown
    assert "<dt>documents</dt><dd>0</dd>" in shown


@pytest.mark.parametrize(
    ("model", "collection", "offered"),
    [
        ("demo-vsepp", "holidays", True),
        ("demo-vsepp", "machine-parts", False),
        ("mine", "holidays", False),
    ],
)
def test_the_starter_is_offered_where_the_demos_model_answers_in_a_collection_of_ones_own(
    page, superuser, curator, model, collection, offered
):
    make_version(model)
    make_documents(make_collection(collection), 1)
    assert ("or make the starter</a>" in page(superuser)) == offered
    assert "make the starter" not in page(curator)


def test_a_superuser_sees_the_model_that_answers_and_what_it_has_not_encoded_yet(page, superuser):
    version, collection = make_version(dim=16), make_collection()
    rows = make_documents(collection, 12)
    store(version, rows[:5], clustered(5, 16, seed=1))
    shown = page(superuser)
    assert version.key in shown
    assert "<dt>documents</dt><dd>12</dd>" in shown
    assert "<dt>passages encoded</dt><dd>5 of 12</dd>" in shown
    assert "images encoded" not in shown
    store(version, rows[5:], clustered(7, 16, seed=2))
    assert "<dt>passages encoded</dt><dd>all 12</dd>" in page(superuser)


def test_a_part_that_does_not_answer_is_told_to_superusers(page, superuser, curator, monkeypatch):
    def away():
        raise CheckFailedError("No `query` worker answers.")

    monkeypatch.setitem(checks._checks, "query_worker", away)
    assert '<p class="errornote">No `query` worker answers.</p>' in page(superuser)
    assert "errornote" not in page(curator)


def test_a_curator_sees_own_collections_and_jobs_alone(page, superuser, curator):
    own, foreign = make_collection("own"), make_collection("foreign")
    Membership.objects.create(collection=own, user=curator, role="curator")
    make_documents(own, 3)
    make_documents(foreign, 4)
    Job.objects.create(type="import", state=JobState.RUNNING, stage="mine", owner=curator, total=8, done=2)
    Job.objects.create(type="prepare", state=JobState.QUEUED, stage="theirs", owner=superuser)
    shown = page(curator)
    assert "<dt>documents</dt><dd>3</dd>" in shown
    assert "mine" in shown
    assert "2 / 8" in shown
    assert "theirs" not in shown
    assert "answers searches" not in shown
    assert all(stage in page(superuser) for stage in ("mine", "theirs"))


def test_jobs_that_failed_lately_are_counted_and_can_be_listed(page, superuser):
    failed = [Job.objects.create(type="import", state=JobState.FAILED) for _ in range(3)]
    Job.objects.filter(pk=failed[0].pk).update(created_at=timezone.now() - timedelta(days=8))
    Job.objects.create(type="import", state=JobState.SUCCEEDED, stage="over")
    shown = page(superuser)
    link = f"{reverse('admin:workers_job_changelist')}?state__exact=failed"
    assert f'<a href="{link}">2 jobs</a>' in shown
    assert "over" not in shown.split("</section>")[0]
    assert "Jobs at work" not in shown


def test_the_page_asks_the_database_a_fixed_number_of_times(client, superuser, django_assert_num_queries):
    collection = make_collection()
    make_documents(collection, 5)
    client.force_login(superuser)
    with django_assert_num_queries(9):
        client.get(reverse(INDEX))
    for number in range(9):
        Job.objects.create(type="import", state=JobState.QUEUED, stage=f"stage {number}")
    with django_assert_num_queries(9):
        client.get(reverse(INDEX))
