"""`manage.py backup drill`: a restore rehearsed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from retrieval_site.errors import AppError
from workers.backup.create import backup_create
from workers.backup.drill import backup_drill
from workers.backup.embedded import database_running
from workers.backup.manifest import BackupManifest, manifests_of, newest
from workers.backup.places import place_of
from workers.management.backup.create import add_recipients, complete_check, sealing_asked

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.management.base import BaseCommand

    from workers.backup.places import BackupPlace

HELP = (
    "restore a backup into an empty temporary place and compare rows, files and answers with the site's own"
)


def add_arguments(parser: ArgumentParser) -> None:
    """Take the place, the backup, the key and where there is room."""
    parser.add_argument("place")
    parser.add_argument("backup", nargs="?", help="its id (default: the newest)")
    parser.add_argument("--new", action="store_true", help="make a backup first, and rehearse with that")
    add_recipients(parser)
    parser.add_argument("--identity", type=Path, help="the file of the private key, for an encrypted one")
    parser.add_argument(
        "--folder", type=Path, help="where there is room for all of it (default: the system's)"
    )


def handle(command: BaseCommand, options: dict[str, Any]) -> None:
    """Rehearse, and say what was compared."""
    place = place_of(options["place"])
    made = _made(place, options)
    if made:
        options["backup"] = made.id
    words = [options["place"], options["backup"] or newest(place)]
    words += ["--identity", str(options["identity"])] if options["identity"] else []
    said = backup_drill(words=words, folder=options["folder"])
    answers = (
        f"of {said['asked']} questions {said['equal']} had the same answer,"
        f" and {said['share']:.1%} of all hits were the same"
    )
    command.stdout.write(
        f"{words[1]} restored into an empty place and compared: {said['tables']} tables with {said['rows']:,} rows and"
        f" {said['blobs']:,} files are equal; {not_compared(said['elsewhere']) if said['elsewhere'] else answers}"
    )
    if made:
        complete_check(made)


def not_compared(elsewhere: int) -> str:
    """Say what is not in a backup of a site with vectors on other servers, and so was not compared."""
    return f"the vectors of {elsewhere:,} tables on other servers are not in it, and no answers were compared"


def _made(place: BackupPlace, options: dict[str, Any]) -> BackupManifest | None:
    """Return the manifest of a new backup, None where none is asked for.

    Without recipients none is made beside encrypted ones. Theirs are not taken from the place: whoever can write there
    could name their own.
    """
    sealing = sealing_asked(options)
    if not options["new"]:
        if sealing.recipients:
            raise CommandError("--recipient and --recipients-file are for a new backup: give --new, too.")
        return None
    known = [found for _, found in manifests_of(place) if isinstance(found, BackupManifest)]
    if known and known[-1].recipients and not sealing.recipients:
        recipients = ", ".join(known[-1].recipients)
        raise CommandError(
            f"The newest backup there is encrypted for {recipients}: say by --recipient for whom the new one is."
        )
    if sealing.recipients and not options["identity"]:
        raise AppError("backup.key_needed", recipients=list(sealing.recipients))
    with database_running():
        return backup_create(place=place, sealing=sealing).manifest
