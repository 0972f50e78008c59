"""Log lines as JSON."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from retrieval_site.config import read_config
from retrieval_site.log_lines import JsonFormatter
from retrieval_site.middleware import REQUEST_ID, RequestIdFilter
from retrieval_site.web.tasks import ACCESS_LOG, log_access


def test_an_error_is_one_line_with_its_request_and_where_it_arose():
    token = REQUEST_ID.set("abc")
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        arguments = ("search", logging.ERROR, __file__, 1, "“%s” failed\nhere", ("é",), sys.exc_info())
    record = logging.LogRecord(*arguments)
    RequestIdFilter().filter(record)
    REQUEST_ID.reset(token)
    line = JsonFormatter().format(record)
    said = json.loads(line)
    assert "\n" not in line
    assert (said["level"], said["logger"], said["request_id"]) == ("ERROR", "search", "abc")
    assert said["message"] == "“é” failed\nhere"
    assert "ZeroDivisionError" in said["exception"]


def test_an_answered_request_has_fields_of_its_own():
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    level = ACCESS_LOG.level
    ACCESS_LOG.addHandler(handler)
    ACCESS_LOG.setLevel(logging.INFO)
    try:
        log_access("10.0.0.1", "GET /search/?q=x HTTP/1.1", ("200", 12), 0.003, "abc")
    finally:
        ACCESS_LOG.removeHandler(handler)
        ACCESS_LOG.setLevel(level)
    said = json.loads(JsonFormatter().format(records[0]))
    assert (said["address"], said["asked"], said["status"]) == ("10.0.0.1", "GET /search/ HTTP/1.1", 200)
    assert (said["bytes"], said["microseconds"], said["request_id"]) == (12, 3000, "abc")


def test_another_format_is_refused_at_boot(monkeypatch):
    monkeypatch.setenv("LOG_FORMAT", "xml")
    with pytest.raises(ImproperlyConfigured, match="LOG_FORMAT"):
        read_config()
    monkeypatch.setenv("LOG_FORMAT", "json")
    assert read_config().log_format == "json"
