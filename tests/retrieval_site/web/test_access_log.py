"""What the web server writes of each request."""

from __future__ import annotations

import logging

import pytest
from django.conf import settings
from django.urls import reverse

from retrieval_site.log_lines import NoSecretsFilter
from retrieval_site.web.tasks import ACCESS_LOG, log_access


def line_of(first_line: str) -> str:
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    handler = Keep()
    level, ACCESS_LOG.level = ACCESS_LOG.level, logging.INFO
    ACCESS_LOG.addHandler(handler)
    try:
        log_access("10.0.0.1", first_line, ("200", 12), 0.003, "abc")
    finally:
        ACCESS_LOG.removeHandler(handler)
        ACCESS_LOG.setLevel(level)
    return lines[0]


def test_a_line_names_the_request_but_not_its_query():
    line = line_of("GET /search/?token=sl_secret HTTP/1.1")
    assert line == '10.0.0.1 "GET /search/ HTTP/1.1" 200 12 3000us [abc]'


@pytest.mark.parametrize(
    ("name", "parts", "told"),
    [
        ("password_reset_confirm", ["MQ", "cx1-0a9b8c7d"], "/login/password/MQ/***/"),
        ("search:unsubscribe", ["MTI:sig-natu_re"], "/searches/unsubscribe/***/"),
    ],
)
def test_no_line_has_what_is_secret_in_an_address(name, parts, told):
    address = reverse(name, args=parts)
    assert parts[-1] in address
    assert f'"GET {told} HTTP/1.1"' in line_of(f"GET {address} HTTP/1.1")
    assert f'"GET {told} HTTP/1.1"' in line_of(f"GET {address}?x=1 HTTP/1.1")
    record = logging.LogRecord("django.request", logging.ERROR, "", 1, "%s: %s", ("Not Found", address), None)
    assert NoSecretsFilter().filter(record)
    assert record.getMessage() == f"Not Found: {told}"
    assert "no_secrets" in settings.LOGGING["handlers"]["stderr"]["filters"]


def test_a_line_is_one_line_whatever_was_asked():
    assert "\n" not in line_of("GET /\r\nsomething?x=1 HTTP/1.1")
