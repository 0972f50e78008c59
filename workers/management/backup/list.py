"""`manage.py backup list`: the backups of a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.template.defaultfilters import filesizeformat

from workers.backup.manifest import backups_of, manifest_read
from workers.backup.places import place_of

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.management.base import BaseCommand

HELP = "list the backups of a place, the oldest first"


def add_arguments(parser: ArgumentParser) -> None:
    """Take the place."""
    parser.add_argument("place")


def handle(command: BaseCommand, options: dict[str, Any]) -> None:
    """Write a line for each."""
    place = place_of(options["place"])
    for backup in backups_of(place):
        manifest = manifest_read(place, backup)
        dump = manifest.files["database.dump"].stored_size
        words = [f"database {filesizeformat(dump)}", f"{manifest.blobs:,} files"]
        words += ["encrypted"] if manifest.recipients else []
        words += [f"{len(manifest.missing):,} files missing"] if manifest.missing else []
        command.stdout.write(f"{backup}: {', '.join(words)}")
