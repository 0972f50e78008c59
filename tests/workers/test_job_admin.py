"""The job pages: what may be done when, and that nobody sees another's job."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from retrieval_site.accounts.models import User
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
        type="encode", owner=staff, total=10, done=4, stage="encode", stage_started_at=timezone.now()
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
def test_a_job_offers_what_its_state_allows(job, staff, state, actions):
    job.state = state
    assert [action for action, _ in offered_actions(job, staff)] == actions


def test_a_finished_job_with_failed_items_offers_to_try_these_again(job, staff):
    job.state = "succeeded"
    JobItem.objects.create(job=job, key="line 3", error_id="image.truncated", reason="cut off")
    assert [action for action, _ in offered_actions(job, staff)] == ["retry_failed"]


def test_what_would_be_refused_for_want_of_a_right_is_not_offered(staff):
    job = Job.objects.create(type="prepare", owner=staff, state="failed", error_id="job.not_permitted")
    JobItem.objects.create(job=job, key="x", error_id="x.y", reason="Bad.")
    assert offered_actions(job, staff) == []
    chief = User.objects.create_superuser("chief")
    assert offered_actions(job, chief) == []  # it works in the name of its owner, who has lost the right
    job.owner = chief
    job.save()
    assert [action for action, _ in offered_actions(job, chief)] == ["retry", "retry_failed"]


def test_success_with_warnings_looks_and_reads_different_from_plain_success(client, job):
    url = reverse("admin:workers_job_change", args=[job.pk])
    lists = reverse("admin:workers_job_changelist")
    Job.objects.update(state="succeeded", finished_at=timezone.now(), result={"documents": 3})
    assert "with warnings" not in client.get(url).content.decode() + client.get(lists).content.decode()
    warning = {"id": "import.columns_ignored", "message": "Two columns were left out.", "detail": {}}
    Job.objects.update(result={"documents": 3, "warnings": [warning]})
    page = client.get(url).content.decode()
    assert "state-warned" in page
    assert "succeeded, with warnings" in page
    assert "Two columns were left out." in page
    assert "<code>import.columns_ignored</code>" in page
    assert "succeeded, with warnings" in client.get(lists).content.decode()


def test_the_numbers_of_the_last_stage_are_not_shown_as_those_of_a_finished_job(client, job):
    Job.objects.update(state="succeeded", done=7, total=7, result={"new": 2})
    page = client.get(reverse("admin:workers_job_change", args=[job.pk])).content.decode()
    assert "7 of 7" not in page.replace("</dt><dd>", " ")
    assert "<dt>new</dt><dd>2</dd>" in page


def test_the_page_shows_progress_and_failed_items_with_their_reasons(client, job):
    JobItem.objects.create(
        job=job, key="line 3", error_id="image.truncated", reason="The picture is cut off."
    )
    Job.objects.update(state="running")
    page = client.get(reverse("admin:workers_job_change", args=[job.pk])).content.decode()
    assert 'value="4"' in page
    assert "line 3" in page
    assert "The picture is cut off." in page
    assert "data-poll-again" in page


def test_the_list_shows_the_progress_of_a_job_at_work(client, job):
    Job.objects.update(state="running", stage="encode images for tiny@1", total=12_345, done=1_234)
    url = reverse("admin:workers_job_changelist")
    bar = '<progress aria-label="{}" max="12345" value="1234"></progress> {}'
    english = client.get(url, headers={"Accept-Language": "en"}).content.decode()
    assert "encode images for tiny@1" + bar.format("progress", "1,234 / 12,345") in english
    german = client.get(url, headers={"Accept-Language": "de"}).content.decode()
    assert "Bilder für tiny@1 codieren" + bar.format("Fortschritt", "1.234 / 12.345") in german


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
