"""Whether this process could answer pages at all: what no other process can mend for it, once it has begun."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from django.apps import apps
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import Error, connection

from retrieval_site.health.checks import CheckFailedError, check_database

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_started() -> None:
    """Raise CheckFailedError unless PostgreSQL answers, has every migration of this version, and styles are there."""
    check_database()
    if missing := sorted(set(_own_migrations()) - _applied_migrations()):
        app, name = missing[0]
        raise CheckFailedError(
            f"The database lacks {len(missing)} migrations of this version, such as {app}.{name}. "
            "Run `manage.py bootstrap`."
        )
    if getattr(staticfiles_storage, "hashed_files", None) == {}:
        raise CheckFailedError("Static files are not collected. Run `manage.py bootstrap`, then start anew.")


def _own_migrations() -> Iterator[tuple[str, str]]:
    """Yield application and name of each, by its file: importing all of them would cost memory for good."""
    for app in apps.get_app_configs():
        for module in pkgutil.iter_modules([str(Path(app.path) / "migrations")]):
            yield app.label, module.name


def _applied_migrations() -> set[tuple[str, str]]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations")
            return set(cursor.fetchall())
    except Error as error:
        raise CheckFailedError(f"The database has no tables yet: {error}".strip()) from error
