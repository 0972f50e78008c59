from __future__ import annotations

import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError
from django.db.utils import ConnectionHandler

from retrieval_site.database.addresses import PATIENCE, database_settings, without_password
from retrieval_site.environment import Environment
from retrieval_site.errors import AppError
from retrieval_site.supervisor.attach import data_paths
from retrieval_site.supervisor.errors import SupervisorError
from retrieval_site.supervisor.lock import hold_lock
from retrieval_site.supervisor.up_to_date import Bootstrapped
from workers.backup.create import silent
from workers.backup.embedded import demo_left_out, embedded_running
from workers.backup.moving import database_move

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.core.management.base import CommandParser
    from django.db.backends.base.base import BaseDatabaseWrapper

EMBEDDED = "embedded"
DOING = "the database is being moved"


class Command(BaseCommand):
    help = "Move the database to another server, or back into the embedded one. Stop the site first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--to", required=True, metavar="ADDRESS", help="postgresql://user@host:5432/name, or `embedded`"
        )
        parser.add_argument("--replace", action="store_true", help="throw away what the other database holds")

    def handle(self, *args: Any, **options: Any) -> None:
        say = self.stderr.write if self.stderr.isatty() else silent
        try:
            with _servers(options["to"]) as (address, folder), closing(_target(address)) as target:
                moved = database_move(target=target, folder=folder, replace=options["replace"], say=say)
        except (AppError, SupervisorError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"A server does not answer, or refuses: {error}") from error
        self.stdout.write(
            f"Moved: {moved.tables:,} tables with {moved.rows:,} rows are equal in both databases."
        )
        self.stdout.write(_what_next(options["to"]))


def _target(address: str) -> BaseDatabaseWrapper:
    return ConnectionHandler({DEFAULT_DB_ALIAS: database_settings(address, PATIENCE)})[DEFAULT_DB_ALIAS]


@contextmanager
def _servers(to: str) -> Iterator[tuple[str, Path | None]]:
    """Give the target's address, and its folder where that is ours; nobody starts the site on this folder meanwhile."""
    paths = data_paths()
    from_embedded = os.environ["DATABASE_URL"] == paths.database_url
    if to == EMBEDDED:
        if from_embedded:
            raise CommandError(
                "DATABASE_URL does not lead away from the embedded server: set it to where the data is."
            )
        with embedded_running(paths, doing=DOING) as address:
            Bootstrapped(paths).forget()
            yield address, paths.root
            demo_left_out(paths)
        return
    address = Environment({"--to": to}).address("--to")
    if not address.startswith(("postgresql://", "postgres://")):
        raise CommandError("--to is an address, postgresql://user@host:5432/name, or `embedded`.")
    if not from_embedded:
        paths.root.mkdir(parents=True, exist_ok=True)
        with hold_lock(paths.lock, doing=DOING):
            yield address, None
        return
    if not (paths.postgres / "PG_VERSION").exists():
        raise CommandError(f"There is no database in {paths.root}.")
    with embedded_running(paths, doing=DOING):
        yield address, None


def _what_next(to: str) -> str:
    left = "The former database is as it was: delete it once the site has run on the other one."
    replica = (
        " DATABASE_READ_URL leads to a replica of the former one: unset it."
        if os.environ.get("DATABASE_READ_URL")
        else ""
    )
    if to == EMBEDDED:
        return f"Start the site without DATABASE_URL, wherever it is set.{replica} {left}"
    return f"Start every process of the site with DATABASE_URL={without_password(to)}.{replica} {left}"
