"""The judging room's pages, without JavaScript."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from retrieval_site.accounts.models import User
from search.models import Judgement, JudgingQueue, Membership
from tests.support.corpus import make_collection
from tests.support.pages import picture_bytes, save_document, shown_page
from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection():
    return make_collection()


@pytest.fixture
def curator(client, collection):
    user = User.objects.create(username="ann")
    Membership.objects.create(collection=collection, user=user, role="curator")
    client.force_login(user)
    return client


@pytest.fixture
def queue(curator, collection) -> JudgingQueue:
    save_document(collection, "a", title="Pump", body="It leaks.", pictures=[picture_bytes()])
    save_document(collection, "b", title="<b>Valve</b>", body="It is shut.")
    file = ContentFile(b"document,text\na,leaking pump\nb,<i>valve</i>\n", "pairs.csv")
    body = {"name": "Pumps", "collection": collection.slug, "source": "file", "file": file}
    assert curator.post("/judging/", body).status_code == 302
    return JudgingQueue.objects.get()


def say(client, queue, what: str):
    pair = queue.pairs.order_by("place")[0 if "1 of 2" in page(client, queue) else 1]
    return client.post(f"/judging/{queue.pk}/", {"pair": pair.pk, "say": what})


def page(client, queue) -> str:
    return shown_page(client.get(f"/judging/{queue.pk}/"))


def test_forms_lead_through_a_queue(curator, queue):
    first = page(curator, queue)
    for shown in ("1 of 2", "leaking pump", "It leaks.", "?w=960", "Krippendorff’s α needs pairs"):
        assert shown in first
    assert say(curator, queue, "3").status_code == 302
    assert "&lt;i&gt;valve&lt;/i&gt;" in page(curator, queue)
    assert "2 of 2" in page(curator, queue)
    say(curator, queue, "skip")
    assert "2 of 2 done" in page(curator, queue)
    assert "been through all 2 pairs" in page(curator, queue)
    curator.post(f"/judging/{queue.pk}/", {"say": "back"})
    assert "2 of 2</strong>" in page(curator, queue)
    assert Judgement.objects.get().grade == 3


@pytest.mark.parametrize("grade", ["4", "-1", "", "x", "٣"])
def test_only_the_four_grades_are_grades(grade, curator, queue):
    pair = queue.pairs.first()
    response = curator.post(f"/judging/{queue.pk}/", {"pair": pair.pk, "say": grade})
    assert response.status_code == 400
    assert not Judgement.objects.exists()


def test_a_pair_of_another_queue_is_not_there(curator, queue):
    assert curator.post(f"/judging/{queue.pk}/", {"pair": 10**9, "say": "3"}).status_code == 404


def test_a_refused_file_keeps_the_form_and_says_the_line(curator, queue, collection):
    file = ContentFile(b"document,text\nzzz,leaking\n", "pairs.csv")
    body = {"name": "Next", "collection": collection.slug, "source": "file", "file": file}
    response = curator.post("/judging/", body)
    assert response.status_code == 422
    assert "Line 2 names the document “zzz”" in shown_page(response)
    assert 'value="Next"' in shown_page(response)


def test_alpha_stands_on_the_queues_page(curator, queue):
    other = User.objects.create(username="ben")
    for pair, grades in zip(queue.pairs.all(), ((3, 3), (0, 1)), strict=True):
        for user, grade in zip((User.objects.get(username="ann"), other), grades, strict=True):
            Judgement.objects.create(query=pair.query, document=pair.document, user=user, grade=grade)
    assert "Krippendorff’s α 0.83 over 2 pairs" in page(curator, queue)


def test_the_room_is_closed_to_who_judges_for_nobody(client, queue):
    client.force_login(User.objects.create(username="reader"))
    assert client.get("/judging/").status_code == 403
    assert client.get(f"/judging/{queue.pk}/").status_code == 404
    client.logout()
    assert client.get("/judging/").status_code == 302


def test_the_room_is_linked_for_who_may_enter(client, curator):
    assert "Judging room" in shown_page(curator.get("/searches/"))
    client.force_login(User.objects.create(username="reader"))
    assert "Judging room" not in shown_page(client.get("/searches/"))


def test_a_queue_is_deleted(curator, queue):
    curator.post(f"/judging/{queue.pk}/delete/")
    assert not JudgingQueue.objects.exists()


def test_a_job_that_found_no_pairs_is_said_on_its_queues_page_and_in_the_api(curator, collection):
    queue = JudgingQueue.objects.create(name="Apart", collection=collection, source="versions")
    job = Job.objects.create(type="fill_queue", params={"queue": queue.pk, "other": 1}, state="running")
    assert "a job is looking for them" in page(curator, queue)
    error = {"error_id": "judging.nothing", "error": "The two models do not disagree."}
    Job.objects.filter(pk=job.pk).update(state="failed", finished_at=timezone.now(), **error)
    shown = page(curator, queue)
    assert "The two models do not disagree." in shown
    assert "judging.nothing" in shown
    detail = curator.get(f"/api/v1/judging/queues/{queue.pk}/").json()
    assert detail["error"] == {"id": "judging.nothing", "message": "The two models do not disagree."}
    Job.objects.filter(pk=job.pk).update(state="cancelled", error="", error_id="")
    assert "the job that was to find them was ended" in page(curator, queue)


@pytest.mark.parametrize("address", ["/judging/", "/api/v1/judging/queues/"])
def test_a_list_of_queues_takes_as_many_statements_however_many_there_are(
    curator, queue, collection, address, django_assert_num_queries
):
    curator.get(address)
    with CaptureQueriesContext(connection) as one:
        assert curator.get(address).status_code == 200
    for number in range(5):
        JudgingQueue.objects.create(name=f"Queue {number}", collection=collection, source="file")
    with django_assert_num_queries(len(one)):
        response = curator.get(address)
    assert "Queue 4" in response.content.decode()
