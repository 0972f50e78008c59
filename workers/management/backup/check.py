"""`manage.py backup check`: whether a backup can be read, all of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.backup.manifest import newest
from workers.backup.places import place_of
from workers.backup.restore import backup_open, backup_verify
from workers.backup.sealing import Sealing, identities_read

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.management.base import BaseCommand

HELP = "read all of a backup and compare it with its checksums"


def add_arguments(parser: ArgumentParser) -> None:
    """Take the place, the backup and the key."""
    parser.add_argument("place")
    parser.add_argument("backup", nargs="?", help="its id (default: the newest)")
    parser.add_argument("--identity", type=Path, help="the file of the private key, for an encrypted one")


def handle(command: BaseCommand, options: dict[str, Any]) -> None:
    """Check it and say so."""
    place = place_of(options["place"])
    identities = identities_read(options["identity"]) if options["identity"] else ()
    backup = backup_open(place, options["backup"] or newest(place), Sealing(identities=identities))
    count = backup_verify(backup)
    is_seen = bool(identities) or not backup.manifest.recipients
    how = "read and compared" if is_seen else "there; without the private key their content was not read"
    command.stdout.write(f"{backup.manifest.id} is whole: {count:,} files are {how}")
