"""`manage.py backup list`: the backups of a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.template.defaultfilters import filesizeformat

from retrieval_site.errors import AppError
from workers.backup.manifest import DUMP, manifests_of
from workers.backup.places import place_of

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.management.base import BaseCommand

    from workers.backup.manifest import BackupManifest

HELP = "list the backups of a place, the oldest first"


def add_arguments(parser: ArgumentParser) -> None:
    """Take the place."""
    parser.add_argument("place")


def handle(command: BaseCommand, options: dict[str, Any]) -> None:
    """Write a line for each, of one that cannot be read why; then fail."""
    damaged = 0
    for backup, found in manifests_of(place_of(options["place"])):
        damaged += isinstance(found, AppError)
        command.stdout.write(f"{backup}: {found if isinstance(found, AppError) else _words(found)}")
    if damaged:
        raise CommandError(f"{damaged:,} backups there cannot be read.")


def _words(manifest: BackupManifest) -> str:
    words = [f"database {filesizeformat(manifest.files[DUMP].stored_size)}", f"{manifest.blobs:,} files"]
    words += ["encrypted"] if manifest.recipients else []
    words += [f"{len(manifest.missing):,} files missing"] if manifest.missing else []
    return ", ".join(words)
