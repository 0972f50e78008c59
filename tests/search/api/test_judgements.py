"""Judging over HTTP: tokens, signed-in people, and anonymous people by their session."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from rest_framework.test import APIClient

from search.models import Judgement
from search.sessions import session_hash
from tests.search.api.conftest import error_id

JUDGEMENTS = "/api/v1/judgements/"


def body(world, **changes):
    return {"query": str(world.query.pk), "document": world.open_document.pk, "grade": 2} | changes


def test_a_first_judgement_is_created_and_a_second_replaces_it(world):
    client = world.client("stranger")
    first = client.post(JUDGEMENTS, body(world, comment="the very pump"))
    second = client.post(JUDGEMENTS, body(world, grade=0))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert (second.json()["grade"], second.json()["comment"]) == (0, "the very pump")
    assert (second.json()["collection"], second.json()["external_id"]) == ("open", "open-1")


def test_a_judgement_can_be_changed_and_undone(world):
    client = world.client("stranger")
    address = f"{JUDGEMENTS}{client.post(JUDGEMENTS, body(world)).json()['id']}/"
    assert client.patch(address, {"comment": "why"}).json()["comment"] == "why"
    assert client.patch(address, {"grade": 3}).json()["grade"] == 3
    assert client.get(address).json()["comment"] == "why"
    assert client.delete(address).status_code == 204
    assert error_id(client.get(address)) == "judgement.not_found"
    assert not Judgement.objects.exists()


def test_other_peoples_judgements_are_not_there(world):
    mine = world.client("stranger").post(JUDGEMENTS, body(world)).json()["id"]
    others = world.client("root")
    assert others.get(JUDGEMENTS).json()["results"] == []
    for response in (
        others.get(f"{JUDGEMENTS}{mine}/"),
        others.patch(f"{JUDGEMENTS}{mine}/", {"grade": 0}),
        others.delete(f"{JUDGEMENTS}{mine}/"),
    ):
        assert (response.status_code, error_id(response)) == (404, "judgement.not_found")
    assert Judgement.objects.get().grade == 2


def test_ones_judgements_are_listed_by_query_and_document(world):
    client = world.client("reader")
    client.post(JUDGEMENTS, body(world))
    client.post(JUDGEMENTS, body(world, document=world.secret_document.pk))
    documents = [row["document"] for row in client.get(JUDGEMENTS).json()["results"]]
    assert documents == [world.open_document.pk, world.secret_document.pk]
    one = client.get(JUDGEMENTS, {"query": world.query.pk, "document": world.secret_document.pk}).json()
    assert [row["external_id"] for row in one["results"]] == ["secret-1"]
    assert client.get(JUDGEMENTS, {"query": uuid.uuid4()}).json()["results"] == []


@pytest.mark.parametrize(
    "changes", [{"grade": 4}, {"grade": None}, {"grade": "good"}, {"comment": "x" * 2001}]
)
def test_a_judgement_that_says_nothing_usable_is_refused(changes, world):
    response = world.client("stranger").post(JUDGEMENTS, body(world, **changes))
    assert (response.status_code, error_id(response)) == (400, "parameter.invalid")


def test_a_program_without_token_or_session_cannot_judge(world):
    response = APIClient().post(JUDGEMENTS, body(world))
    assert (response.status_code, error_id(response)) == (401, "auth.required")


def browser_of_somebody(*, with_csrf: bool = True) -> Client:
    """A browser with an anonymous session, as the pages begin one."""
    session = SessionStore()
    session.create()
    browser = Client(enforce_csrf_checks=True)
    browser.cookies["sessionid"] = session.session_key
    if with_csrf:
        browser.cookies["csrftoken"] = "c" * 32
    return browser


def test_an_anonymous_person_judges_by_session_and_needs_the_csrf_token(world):
    kind = {"content_type": "application/json"}
    refused = browser_of_somebody().post(JUDGEMENTS, body(world), **kind)
    assert (refused.status_code, error_id(refused)) == (403, "csrf.failed")
    browser = browser_of_somebody()
    created = browser.post(JUDGEMENTS, body(world), headers={"X-CSRFToken": "c" * 32}, **kind)
    assert created.status_code == 201
    assert Judgement.objects.get().session == session_hash(browser.cookies["sessionid"].value)
    assert len(browser.get(JUDGEMENTS).json()["results"]) == 1
    assert browser_of_somebody().get(JUDGEMENTS).json()["results"] == []


def test_a_session_that_somebody_made_up_is_no_session(world):
    browser = Client()
    browser.cookies["sessionid"] = "a" * 32
    response = browser.post(JUDGEMENTS, body(world), content_type="application/json")
    assert (response.status_code, error_id(response)) == (401, "auth.required")


def export(client, name: str, **query) -> str:
    response = client.get(f"{JUDGEMENTS}export.{name}", query)
    assert response.status_code == 200, response.content
    return b"".join(response).decode()


def test_curators_take_away_the_judgements_of_their_collections(world):
    for who in ("reader", "curator"):
        for document in (world.open_document, world.secret_document):
            world.client(who).post(JUDGEMENTS, body(world, document=document.pk, grade=3))
    curator = world.client("curator")
    assert export(curator, "qrels") == f"{world.query.pk} 0 secret/secret-1 3\n"
    assert export(curator, "csv").count("secret,secret-1,") == 2
    everything = world.client("root")
    assert export(everything, "qrels").count("\n") == 2
    assert export(everything, "qrels", collection="open", model="small@1").count("\n") == 1
    assert export(everything, "qrels", model="small@2") == export(everything, "qrels", model="small") == ""
    assert export(everything, "csv", query=uuid.uuid4()).count("\n") == 1


@pytest.mark.parametrize("name", ["qrels", "run", "csv"])
def test_exports_are_files_and_not_for_everybody(name, world):
    response = world.client("root").get(f"{JUDGEMENTS}export.{name}")
    assert response["Content-Disposition"] == f'attachment; filename="judgements.{name}"'
    assert error_id(world.client("reader").get(f"{JUDGEMENTS}export.{name}")) == "permission.denied"
    assert error_id(APIClient().get(f"{JUDGEMENTS}export.{name}")) == "auth.required"
