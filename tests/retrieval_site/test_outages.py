"""A database, Redis or disk that is away is told of by an id of its own, wherever the exception comes from."""

from __future__ import annotations

import errno
import json

import psycopg
import pytest
import redis
from django.db import InterfaceError, OperationalError
from waitress.adjustments import Adjustments

from retrieval_site.handlers import server_error
from retrieval_site.outages import disk_is_full, outage_of
from retrieval_site.web.parser import RequestParser
from search.api.errors import exception_handler

FULL = OSError(errno.ENOSPC, "No space left on device")


def of_database(cause: type[psycopg.Error]) -> OperationalError:
    error = OperationalError("as Django raises it")
    error.__cause__ = cause("as psycopg does")
    return error


OUTAGES = [
    (OperationalError("connection refused"), "server.database"),
    (InterfaceError("the connection is closed"), "server.database"),
    (of_database(psycopg.OperationalError), "server.database"),
    (of_database(psycopg.errors.AdminShutdown), "server.database"),
    (of_database(psycopg.errors.CannotConnectNow), "server.database"),
    (of_database(psycopg.errors.TooManyConnections), "server.database"),
    (of_database(psycopg.errors.DiskFull), "server.disk_full"),
    (FULL, "server.disk_full"),
    (redis.ConnectionError(), "server.broker"),
    (redis.TimeoutError(), "server.broker"),
    (redis.exceptions.OutOfMemoryError(), "server.broker"),
    (MemoryError(), "server.memory"),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), "server.memory"),
    (RuntimeError("can't start new thread"), "server.memory"),
    (RuntimeError("Exception from src/inference: std::bad_alloc"), "server.memory"),
    (ImportError("libx.so: failed to map segment from shared object"), "server.memory"),
]
FAULTS = [
    of_database(psycopg.errors.DeadlockDetected),
    of_database(psycopg.errors.QueryCanceled),
    redis.ResponseError("WRONGTYPE"),
    FileNotFoundError(errno.ENOENT, "gone"),
    ZeroDivisionError(),
    RuntimeError("something else"),
    ImportError("libx.so: cannot open shared object file"),
    None,
]


@pytest.mark.parametrize(("exception", "error_id"), OUTAGES)
def test_what_is_away_has_an_id_of_its_own(exception, error_id):
    outage = outage_of(exception)
    assert outage is not None
    assert (outage.id, outage.status) == (error_id, 503)
    assert disk_is_full(exception) == (error_id == "server.disk_full")


@pytest.mark.parametrize("exception", FAULTS)
def test_a_fault_is_no_outage(exception):
    assert outage_of(exception) is None


@pytest.mark.parametrize(("exception", "error_id"), OUTAGES)
def test_the_api_answers_so_from_a_view_and_from_a_middleware(exception, error_id, rf, caplog):
    answer = exception_handler(exception, {})
    assert answer is not None
    assert (answer.status_code, answer.data["error"]["id"]) == (503, error_id)
    assert error_id in caplog.text
    try:
        raise exception
    except type(exception):
        further = server_error(rf.get("/api/v1/collections/"))
    assert (further.status_code, json.loads(further.content)) == (503, answer.data)
    assert further.headers.get("Retry-After") == answer.headers.get("Retry-After")


def test_a_page_says_what_does_not_work(rf):
    try:
        raise OperationalError("connection refused")
    except OperationalError:
        page = server_error(rf.get("/"))
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "5"
    assert "The database does not answer." in page.content.decode()
    assert "server.database" in page.content.decode()


def test_a_fault_stays_a_loud_500(rf):
    assert exception_handler(ZeroDivisionError(), {}) is None
    assert server_error(rf.get("/")).status_code == 500


def test_a_body_that_the_disk_has_no_room_for_is_refused(monkeypatch):
    parser = RequestParser(Adjustments())
    parser.received(b"POST /api/v1/search/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")

    def full(_: bytes) -> int:
        raise FULL

    monkeypatch.setattr(parser.body_rcv, "received", full)
    assert parser.received(b"12345") == 5
    assert parser.completed
    assert parser.error is not None
    assert parser.error.id == "server.disk_full"
