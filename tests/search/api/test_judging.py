"""The judging room for programs: a queue is made, judged to its end and measured."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile

from search.models import Judgement, JudgingQueue
from tests.search.api.conftest import error_id

QUEUES = "/api/v1/judging/queues/"


def file_of(world) -> ContentFile:
    lines = f"document,text\n{world.secret_document.external_id},a pump\n"
    return ContentFile(lines.encode(), "pairs.csv")


@pytest.fixture
def queue(world) -> dict:
    body = {"name": "Pumps", "collection": "secret", "source": "file", "file": file_of(world)}
    response = world.client("curator").post(QUEUES, body, format="multipart")
    assert response.status_code == 201, response.content
    return response.json()


def test_a_queue_is_judged_by_the_endpoint_of_judgements(world, queue):
    curator = world.client("curator")
    assert (queue["pairs"], queue["done"]) == (1, 0)
    pair = curator.get(f"{QUEUES}{queue['id']}/next/").json()["pair"]
    assert pair["query"]["parts"][0]["text"] == "a pump"
    assert pair["document"]["external_id"] == world.secret_document.external_id
    body = {"query": pair["query"]["id"], "document": pair["document"]["id"], "grade": 3}
    assert curator.post("/api/v1/judgements/", body, format="json").status_code == 201
    assert curator.get(f"{QUEUES}{queue['id']}/next/").json()["pair"] is None
    assert curator.get(f"{QUEUES}{queue['id']}/").json()["done"] == 1


def test_skipping_and_going_back_answer_what_is_next(world, queue):
    curator, address = world.client("curator"), f"{QUEUES}{queue['id']}/"
    pair = curator.get(f"{address}next/").json()["pair"]["id"]
    skipped = curator.post(f"{address}skip/", {"pair": pair}, format="json").json()
    assert (skipped["pair"], skipped["queue"]["skipped"]) == (None, 1)
    assert curator.post(f"{address}back/").json()["pair"]["id"] == pair
    assert error_id(curator.post(f"{address}skip/", {"pair": pair + 1}, format="json")) == "judging.not_found"


def test_agreement_is_of_all_raters(world, queue):
    row = JudgingQueue.objects.get().pairs.get()
    for who, grade in (("curator", 3), ("root", 3)):
        Judgement.objects.create(query=row.query, document=row.document, user=world.users[who], grade=grade)
    agreement = world.client("root").get(f"{QUEUES}{queue['id']}/").json()["agreement"]
    assert agreement == {"alpha": None, "pairs": 1}  # one grade alone tells nothing


def test_a_queue_goes_and_what_was_judged_stays(world, queue):
    row = JudgingQueue.objects.get().pairs.get()
    Judgement.objects.create(query=row.query, document=row.document, user=world.users["curator"], grade=3)
    assert world.client("curator").delete(f"{QUEUES}{queue['id']}/").status_code == 204
    assert Judgement.objects.count() == 1
    assert not JudgingQueue.objects.exists()


def test_a_wrong_line_is_named(world):
    body = {
        "name": "Pumps",
        "collection": "secret",
        "source": "file",
        "file": ContentFile(b"document,text\nnothing,a pump\n", "pairs.csv"),
    }
    response = world.client("curator").post(QUEUES, body, format="multipart")
    assert (response.status_code, error_id(response)) == (422, "judging.line_document")
    assert response.json()["error"]["detail"] == {"line": 2, "external_id": "nothing"}


def test_who_judges_for_nobody_is_refused(world):
    body = {"name": "Pumps", "collection": "open", "source": "unsure"}
    assert error_id(world.client("stranger").post(QUEUES, body, format="json")) == "permission.denied"
