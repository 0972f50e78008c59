"""`manage.py backup drill`: a restore rehearsed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.backup.create import backup_create
from workers.backup.drill import backup_drill
from workers.backup.manifest import newest
from workers.backup.places import place_of
from workers.backup.sealing import Sealing

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.management.base import BaseCommand

HELP = (
    "restore a backup into an empty temporary place and compare rows, files and answers with the site's own"
)


def add_arguments(parser: ArgumentParser) -> None:
    """Take the place, the backup, the key and where there is room."""
    parser.add_argument("place")
    parser.add_argument("backup", nargs="?", help="its id (default: the newest)")
    parser.add_argument("--new", action="store_true", help="make a backup first, and rehearse with that")
    parser.add_argument("--identity", type=Path, help="the file of the private key, for an encrypted one")
    parser.add_argument(
        "--folder", type=Path, help="where there is room for all of it (default: the system's)"
    )


def handle(command: BaseCommand, options: dict[str, Any]) -> None:
    """Rehearse, and say what was compared."""
    place = place_of(options["place"])
    if options["new"]:
        options["backup"] = backup_create(place=place, sealing=Sealing()).manifest.id
    words = [options["place"], options["backup"] or newest(place)]
    words += ["--identity", str(options["identity"])] if options["identity"] else []
    said = backup_drill(words=words, folder=options["folder"])
    command.stdout.write(
        f"{words[1]} restored into an empty place and compared: {said['tables']} tables with {said['rows']:,} rows and"
        f" {said['blobs']:,} files are equal; of {said['asked']} questions {said['equal']} had the same answer,"
        f" and {said['share']:.1%} of all hits were the same"
    )
