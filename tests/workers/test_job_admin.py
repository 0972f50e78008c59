"""The job pages: what may be done when, and that nobody sees another's job."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from workers.admin import offered_actions
from workers.models import Job, JobItem

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    user = User.objects.create_user("staff", password="x", is_staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def job(staff):
    return Job.objects.create(
        type="import", owner=staff, total=10, done=4, stage="store", stage_started_at=timezone.now()
    )


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("queued", ["pause", "cancel"]),
        ("running", ["pause", "cancel"]),
        ("paused", ["resume", "cancel"]),
        ("failed", ["retry"]),
        ("cancelled", ["retry"]),
        ("succeeded", []),
    ],
)
def test_a_job_offers_what_its_state_allows(job, state, actions):
    job.state = state
    assert [action for action, _ in offered_actions(job)] == actions


def test_a_finished_job_with_failed_items_offers_to_try_these_again(job):
    job.state = "succeeded"
    JobItem.objects.create(job=job, key="line 3", error_id="image.truncated", reason="cut off")
    assert [action for action, _ in offered_actions(job)] == ["retry_failed"]


def test_the_page_shows_progress_and_failed_items_with_their_reasons(client, job):
    JobItem.objects.create(
        job=job, key="line 3", error_id="image.truncated", reason="The picture is cut off."
    )
    page = client.get(reverse("admin:workers_job_change", args=[job.pk])).content.decode()
    assert 'value="4"' in page
    assert "line 3" in page
    assert "The picture is cut off." in page
    assert "data-poll-again" in page


def test_the_panel_stops_asking_once_the_job_is_finished(client, job):
    url = reverse("admin:workers_job_panel", args=[job.pk])
    assert b"data-poll-again" in client.get(url).content
    Job.objects.update(state="succeeded", finished_at=timezone.now())
    assert b"data-poll-again" not in client.get(url).content


def test_buttons_move_the_job_through_its_services(client, job):
    url = reverse("admin:workers_job_do", args=[job.pk, "cancel"])
    assert client.post(url).status_code == 302
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert client.get(url)["Location"] == reverse("admin:workers_job_change", args=[job.pk])


def test_a_button_that_comes_too_late_says_so(client, job):
    Job.objects.update(state="succeeded")
    answer = client.post(reverse("admin:workers_job_do", args=[job.pk, "cancel"]), follow=True)
    assert "job.wrong_state" in answer.content.decode()


def test_staff_do_not_see_the_jobs_of_others(client, job):
    other = Job.objects.create(type="import", owner=User.objects.create_user("other"))
    assert client.get(reverse("admin:workers_job_panel", args=[other.pk])).status_code == 404
    assert client.post(reverse("admin:workers_job_do", args=[other.pk, "cancel"])).status_code == 404
    assert str(other.pk)[:8] not in client.get(reverse("admin:workers_job_changelist")).content.decode()


def test_superusers_see_every_job_and_the_list_asks_few_questions(client, job, django_assert_max_num_queries):
    client.force_login(User.objects.create_superuser("root"))
    Job.objects.bulk_create(Job(type="encode", owner=job.owner) for _ in range(20))
    with django_assert_max_num_queries(10):
        assert str(job.pk)[:8] in client.get(reverse("admin:workers_job_changelist")).content.decode()


@pytest.mark.parametrize(("seconds", "words"), [(5, "5 s"), (125, "2 min 5 s"), (7300, "2 h 1 min")])
def test_time_left_is_said_as_people_say_it(seconds, words, monkeypatch):
    monkeypatch.setattr(Job, "seconds_left", seconds)
    assert Job().time_left == words
