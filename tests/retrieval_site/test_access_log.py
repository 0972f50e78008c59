"""What the web server writes of each request."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from gunicorn.config import Config
from gunicorn.glogging import Logger

from retrieval_site import web_server


def line_of(path: str, query: str) -> str:
    environ = {
        "REQUEST_METHOD": "GET", "RAW_URI": f"{path}?{query}", "PATH_INFO": path, "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "10.0.0.1",
    }  # fmt: skip
    response = SimpleNamespace(status="200 OK", sent=12, headers=[("X-Request-ID", "abc")])
    request = SimpleNamespace(headers=[("Authorization", "Bearer sl_secret"), ("Cookie", "sessionid=secret")])
    logger = Logger(Config())
    atoms = logger.atoms_wrapper_class(logger.atoms(response, request, environ, timedelta(milliseconds=3)))
    return web_server.access_log_format % atoms


def test_a_line_names_the_request_but_not_its_query_cookie_or_token():
    line = line_of("/search/", "token=sl_secret")
    assert '"GET /search/ HTTP/1.1" 200' in line
    assert "[abc]" in line
    assert "secret" not in line
