"""What `check --deploy` says of settings for a proxy and HTTPS, and what browsers are told."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from retrieval_site.config import BASE_DIR
from retrieval_site.proxy_checks import the_proxy_and_https_go_together

RIGHT = {
    "https": True,
    "trusted_proxies": 1,
    "site_url": "https://sightline.example:8443",
    "allowed_hosts": [".sightline.example", "localhost"],
}


@pytest.mark.parametrize(
    ("changed", "host", "expected"),
    [
        ({}, "", set()),
        ({"https": False, "trusted_proxies": 0, "site_url": "", "allowed_hosts": ["localhost"]}, "0.0.0.0", set()),
        ({"trusted_proxies": 0}, "0.0.0.0", {"W001"}),
        ({"allowed_hosts": ["localhost", "[::1]"], "site_url": ""}, "", {"W002", "W003"}),
        ({"site_url": "http://sightline.example"}, "", {"W003"}),
        ({"site_url": "https://other.example"}, "", {"W004"}),
        ({"allowed_hosts": ["*"]}, "127.0.0.1", set()),
        ({}, "0.0.0.0", {"W005"}),
        ({"https": False}, "::", {"W005"}),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_said(settings, monkeypatch, changed, host, expected) -> None:
    monkeypatch.setenv("HOST", host)
    settings.CONFIG = replace(settings.CONFIG, **{**RIGHT, **changed})
    found = the_proxy_and_https_go_together(None)
    assert {message.id for message in found} == {f"sightline.{name}" for name in expected}
    assert all(message.hint for message in found)


def test_the_command_says_it_and_nothing_of_other_names_of_the_domain() -> None:
    given = os.environ | {"HTTPS": "1", "TRUSTED_PROXIES": "", "SITE_URL": "", "ALLOWED_HOSTS": "a.example"}
    command = [sys.executable, "manage.py", "check", "--deploy"]
    done = subprocess.run(command, cwd=BASE_DIR, env=given, capture_output=True, text=True, timeout=120)
    assert "sightline.W001" in done.stderr
    assert "sightline.W003" in done.stderr
    assert "security.W005" not in done.stderr
    assert "security.W021" not in done.stderr


HEADER = (
    "import django; django.setup()\n"
    "from django.http import HttpResponse\n"
    "from django.middleware.security import SecurityMiddleware\n"
    "from django.test import RequestFactory\n"
    "answer = SecurityMiddleware(lambda request: HttpResponse())(RequestFactory().get('/', secure=True))\n"
    "print(answer.headers.get('Strict-Transport-Security'))\n"
)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"HTTPS": "0"}, "None"),
        ({"HTTPS": "1"}, "max-age=31536000"),
        ({"HTTPS": "1", "HSTS_SECONDS": "3600"}, "max-age=3600"),
        ({"HTTPS": "1", "HSTS_SECONDS": "0"}, "None"),
        ({"HTTPS": "1", "HSTS_SUBDOMAINS": "1", "HSTS_PRELOAD": "1"}, "max-age=31536000; includeSubDomains; preload"),
    ],
)  # fmt: skip
def test_browsers_are_told_of_this_name_alone_unless_asked(given, sent) -> None:
    environment = os.environ | {"ALLOWED_HOSTS": "testserver"} | given
    done = subprocess.run(
        [sys.executable, "-c", HEADER],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == sent, done.stderr
