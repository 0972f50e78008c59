"""What the log says of a request has its id, also what Django writes once all middleware is over."""

from __future__ import annotations

import logging

import pytest

from retrieval_site.middleware import RequestIdFilter

pytestmark = pytest.mark.django_db


@pytest.fixture
def logged(caplog):
    """The records of the log, as its handlers see them."""
    caplog.handler.addFilter(only := RequestIdFilter())
    yield lambda: [(record.name, record.levelname, record.request_id) for record in caplog.records]
    caplog.handler.removeFilter(only)


def test_a_refused_request_is_logged_under_its_id(client, logged):
    answer = client.get("/no/such/page/", headers={"X-Request-ID": "mine-1"})
    assert answer["X-Request-ID"] == "mine-1"
    assert ("django.request", "WARNING", "mine-1") in logged()


def test_a_request_of_the_api_that_fails_is_logged_under_the_id_that_its_answer_has(client, logged):
    answer = client.get("/api/v1/documents/0/")
    assert answer.status_code == 404
    assert ("django.request", "WARNING", answer["X-Request-ID"]) in logged()


def test_an_id_that_the_record_brings_stays(client, logged):
    logging.getLogger("own").warning("said", extra={"request_id": "own-1"})
    assert ("own", "WARNING", "own-1") in logged()
