"""Boot checks: what an operator forgot is said before the first request, with a hint.

Commands of `manage.py` run all of them; the web server and workers ask for `faults` themselves when they start.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.apps import AppConfig

UNSET_KEY = "unset"
"""Stands for the secret key where there is none."""


@register(Tags.security)
def secret_key_is_set(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Refuse to serve with the placeholder key: sessions and cursors are signed with it."""
    if settings.SECRET_KEY != UNSET_KEY:
        return []
    return [
        Error(
            "SECRET_KEY is not set.",
            hint="`make run` makes one; else export 50 random characters.",
            id="sightline.E001",
        )
    ]


@register(Tags.database)
def services_are_named(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Say which of the two services has no address."""
    wanted = {"DATABASE_URL": settings.CONFIG.database_url, "REDIS_URL": settings.CONFIG.redis_url}
    return [
        Error(
            f"{name} is not set.",
            hint="Start with `make run`, which brings its own, or export it.",
            id="sightline.E002",
        )
        for name, value in wanted.items()
        if not value
    ]


@register()
def data_dir_is_writable(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Blobs and model files are written below DATA_DIR."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    if os.access(settings.DATA_DIR, os.W_OK):
        return []
    return [
        Error(
            f"{settings.DATA_DIR} is not writable.",
            hint="Set DATA_DIR to a folder of your own.",
            id="sightline.E003",
        )
    ]


@register(Tags.security)
def the_directory_can_be_asked(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Say that what speaks LDAP is not installed, where a directory is set."""
    if settings.CONFIG.ldap is None or (find_spec("ldap") and find_spec("django_auth_ldap")):
        return []
    return [
        Error(
            "LDAP_URL is set, and what speaks LDAP is not installed (auth.directory_library).",
            hint="pip install -r requirements/ldap.txt; docs/sign-in.md says what that needs.",
            id="sightline.E004",
        )
    ]


@register(Tags.security)
def traces_can_be_sent(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Say that what sends traces is not installed, where they are asked for."""
    if not settings.CONFIG.traces_endpoint or find_spec("opentelemetry"):
        return []
    return [
        Error(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed (server.tracing_library).",
            hint="pip install -r requirements/tracing.txt, or unset it.",
            id="sightline.E005",
        )
    ]


def faults() -> list[str]:
    """Return in words what keeps a web server or a worker from serving, whose start runs no checks of Django."""
    found: list[CheckMessage] = []
    for check in (secret_key_is_set, the_directory_can_be_asked, traces_can_be_sent):
        found += check(None)
    return [f"{error.msg} {error.hint}" for error in found]
