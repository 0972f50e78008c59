"""Boot checks of what searching and the API need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, connection, transaction

from retrieval_site.database.extensions import EXTENSIONS
from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.apps import AppConfig

_SHARDS_HINT = "Separate addresses by blanks; docs/scaling.md, Vectors on several servers."


@register()
def vector_shards_can_be_read(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Find an address in `VECTOR_SHARDS` that is none, or one that is named twice, now and not at the first search."""
    from search.vectors.sharded.servers import shards

    try:
        shards()
    except AppError as failure:
        return [Error(failure.message, hint=_SHARDS_HINT, id="sightline.E013")]
    return []


@register(Tags.database)
def extensions_are_there(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Find a database that lacks an extension, and where it may not be made, before a migration fails for it."""
    if not databases or DEFAULT_DB_ALIAS not in databases:
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT extname FROM pg_extension")
            made = {row[0] for row in cursor.fetchall()}
            cursor.execute("SELECT name FROM pg_available_extensions")
            installed = {row[0] for row in cursor.fetchall()}
    except OperationalError:
        return []  # what does not answer is told of by whoever needs it
    wanted = [name for name in EXTENSIONS if name not in made]
    found = [_not_installed(name) if name not in installed else _not_allowed(name) for name in wanted]
    return [error for error in found if error is not None]


@register(Tags.database)
def sessions_are_kept(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Warn of a pooler in transaction mode, through which web processes may go, and no others."""
    from retrieval_site.database.locks import session_is_own

    if not databases or DEFAULT_DB_ALIAS not in databases:
        return []
    try:
        if session_is_own():
            return []
    except OperationalError:
        return []
    return [
        CheckWarning(
            "DATABASE_URL leads to a pooler in transaction mode, where locks of a session do not hold.",
            hint="Web processes may go through it. Give bulk workers and commands an address of PostgreSQL itself, or"
            " one in session mode: their jobs and backups end with database.pooled.",
            id="sightline.W006",
        )
    ]


def _not_installed(name: str) -> CheckMessage:
    return Error(
        f"PostgreSQL lacks the extension {name}.",
        hint="Install it on its server: vector is pgvector, the others are contrib modules of PostgreSQL.",
        id="sightline.E011",
    )


def _not_allowed(name: str) -> CheckMessage | None:
    """Try to make it and take that back: who may is a matter of the server, of its provider, and of the schema."""
    quoted = connection.ops.quote_name(name)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"CREATE EXTENSION {quoted}")
            transaction.set_rollback(True)
    except DatabaseError as error:
        return Error(
            f"The extension {name} is installed, but this account cannot make it in the database: {error}".strip(),
            hint=f"As a superuser, in this database: CREATE EXTENSION {quoted};",
            id="sightline.E012",
        )
    return None
