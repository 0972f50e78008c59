"""What the web server writes of each request."""

from __future__ import annotations

import logging

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


def test_a_line_is_one_line_whatever_was_asked():
    assert "\n" not in line_of("GET /\r\nsomething?x=1 HTTP/1.1")
