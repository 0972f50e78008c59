from __future__ import annotations

import json
import os
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from retrieval_site.supervisor.attach import data_paths
from retrieval_site.supervisor.errors import SupervisorError
from retrieval_site.supervisor.up_to_date import Bootstrapped
from workers.backup.create import silent
from workers.backup.embedded import database_running, demo_left_out, embedded_running
from workers.backup.manifest import manifest_read, newest
from workers.backup.places import place_of
from workers.backup.restore import SHOWN, backup_open, backup_restore, restored_compare
from workers.backup.sealing import Sealing, identities_read
from workers.backup.stored_files import files_restore, manifests_for_files
from workers.management.backup.create import INCOMPLETE
from workers.management.backup.drill import not_compared

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from django.core.management.base import CommandParser

    from workers.backup.restore import Rehearsed


class Command(BaseCommand):
    help = "Restore a site from a backup, into an empty database and data folder. Stop the site first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("place", help="the folder of the backups, or s3://BUCKET/PREFIX")
        parser.add_argument("backup", nargs="?", help="its id (default: the newest)")
        parser.add_argument("--identity", type=Path, help="the file of the private key, for an encrypted one")
        parser.add_argument(
            "--replace",
            action="store_true",
            help="throw away what the database holds; blobs that are there stay",
        )
        parser.add_argument(
            "--files-only",
            action="store_true",
            help="put back only the files that rows name and that are missing or damaged; the site may run",
        )
        parser.add_argument(
            "--compare", action="store_true", help="compare rows, files and answers afterwards"
        )
        parser.add_argument(
            "--json", action="store_true", help="say what was compared, or the error, as JSON"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["files_only"]:
                self._restore_files(options)
                return
            with _database():
                compared = self._restore(options)
        except (AppError, SupervisorError) as error:
            if options["json"] and isinstance(error, AppError):
                self.stdout.write(json.dumps(error.as_json()))
            raise CommandError(str(error)) from error
        if compared:
            self._tell(compared, as_json=options["json"])

    def _tell(self, compared: Rehearsed, *, as_json: bool) -> None:
        answers = compared.answers
        said = {"tables": compared.tables, "rows": compared.rows, "blobs": compared.blobs}
        said |= {"asked": answers.asked, "equal": answers.equal, "elsewhere": compared.elsewhere}
        words = f"Compared: {compared.rows:,} rows and {compared.blobs:,} files are equal, "
        if compared.elsewhere:
            words += not_compared(compared.elsewhere)
        else:
            words += (
                f"{answers.equal} of {answers.asked} answers to the letter, {answers.share:.1%} of their hits"
            )
        self.stdout.write(json.dumps({**said, "share": answers.share}) if as_json else words)

    def _restore_files(self, options: dict[str, Any]) -> None:
        if options["replace"] or options["compare"]:
            raise CommandError(
                "--files-only leaves the database as it is: give neither --replace nor --compare."
            )
        place, backup = place_of(options["place"]), options["backup"]
        manifests = [manifest_read(place, backup)] if backup else manifests_for_files(place)
        with database_running():
            done = files_restore(
                place=place, manifests=manifests, identities=_identities(options), say=self._say()
            )
            audit_note("backup.restored", files=done.restored, missing=len(done.missing))
        words = f"{done.seen:,} files: {done.restored:,} were missing or damaged, and are put back"
        self.stdout.write(json.dumps(asdict(done)) if options["json"] else words)
        if done.missing:
            shown = ", ".join(done.missing[:SHOWN])
            raise CommandError(
                f"{len(done.missing):,} files more are missing or damaged, and whole in no backup there: {shown}",
                returncode=INCOMPLETE,
            )

    def _say(self) -> Callable[[str], object]:
        return self.stderr.write if self.stderr.isatty() else silent

    def _restore(self, options: dict[str, Any]) -> Rehearsed | None:
        place = place_of(options["place"])
        sealing = Sealing(identities=_identities(options))
        backup = backup_open(place, options["backup"] or newest(place), sealing)
        key = backup_restore(backup=backup, replace=options["replace"], say=self._say())
        self.stdout.write(
            f"{backup.manifest.id} is restored: {backup.manifest.blobs:,} files, and the database"
        )
        if elsewhere := backup.manifest.elsewhere:
            self.stderr.write(
                f"The vectors of {len(elsewhere):,} tables lay on other servers and are not in it. Start the site,"
                " then run “manage.py shards rebuild”: a job computes them again."
            )
        demo_left_out(data_paths())
        for sentence in key.sentences():
            self.stderr.write(sentence)
        compared = restored_compare(backup) if options["compare"] else None
        audit_note("backup.restored", backup=backup.manifest.id)
        return compared


def _identities(options: dict[str, Any]) -> tuple[str, ...]:
    return identities_read(options["identity"]) if options["identity"] else ()


def _database() -> AbstractContextManager[object]:
    """Return what runs the embedded server meanwhile, where there is no other."""
    paths = data_paths()
    if os.environ["DATABASE_URL"] != paths.database_url:
        return nullcontext()
    Bootstrapped(paths).forget()  # the backup may be of an older version
    return embedded_running(paths)
