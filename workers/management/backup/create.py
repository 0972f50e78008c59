"""`manage.py backup create`: a backup of the running site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.template.defaultfilters import filesizeformat

from workers.backup.create import backup_create, silent
from workers.backup.embedded import database_running
from workers.backup.places import place_of
from workers.backup.sealing import Sealing, recipients_check, recipients_read

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.management.base import BaseCommand

    from workers.backup.manifest import BackupManifest

HELP = "back up database, pictures, bundles and settings into a folder or a bucket (s3://BUCKET/PREFIX)"
INCOMPLETE = 3
"""The exit status of a backup that was made without blobs that the site has lost."""


def add_arguments(parser: ArgumentParser) -> None:
    """Take the place, and for whom it is encrypted."""
    parser.add_argument("place", help="a folder, which may have backups already")
    add_recipients(parser)
    parser.add_argument(
        "--with-keys", action="store_true", help="keep SECRET_KEY and the environment's passwords in it, too"
    )


def add_recipients(parser: ArgumentParser) -> None:
    """Take for whom a new backup is encrypted."""
    parser.add_argument(
        "--recipient", action="append", default=[], metavar="age1…", help="encrypt for this key"
    )
    parser.add_argument("--recipients-file", type=Path, help="a file of such keys, one a line")


def sealing_asked(options: dict[str, Any]) -> Sealing:
    """Return the encryption that the options ask for; raises AppError `backup.key_invalid`."""
    listed = options["recipients_file"]
    kept = recipients_read(listed) if listed else ()
    return Sealing(recipients_check([*options["recipient"], *kept]))


def complete_check(manifest: BackupManifest) -> None:
    """Raise CommandError, with a status of its own, where the site has lost files of its own."""
    if manifest.missing:
        shown = ", ".join(manifest.missing[:5])
        raise CommandError(
            f"The site has lost {len(manifest.missing):,} files, which are not in the backup either: {shown}",
            returncode=INCOMPLETE,
        )


def handle(command: BaseCommand, options: dict[str, Any]) -> None:
    """Make a backup and say what is in it."""
    sealing = sealing_asked(options)
    with database_running():
        made = backup_create(
            place=place_of(options["place"]),
            sealing=sealing,
            with_keys=options["with_keys"],
            say=command.stderr.write if command.stderr.isatty() else silent,
        )
    manifest = made.manifest
    rows = sum(table.rows for table in manifest.tables.values())
    command.stdout.write(
        f"{manifest.id}: {rows:,} rows of {len(manifest.tables)} tables; {manifest.blobs:,} files,"
        f" {filesizeformat(manifest.blob_bytes)}, of which {made.copied:,} were new"
        f" ({filesizeformat(made.copied_bytes)})"
    )
    if manifest.elsewhere:
        command.stderr.write(
            f"The vectors of {len(manifest.elsewhere):,} tables lie on other servers and are not in it: after a restore"
            " they are computed again."
        )
    if options["with_keys"] and not sealing.recipients:
        command.stderr.write(
            "It holds SECRET_KEY and passwords in the clear: nobody else may read that folder."
        )
    complete_check(manifest)
