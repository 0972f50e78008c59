"""`manage.py backup prune`: fewer backups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.backup.places import place_of
from workers.backup.prune import backups_prune

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.management.base import BaseCommand

HELP = "remove all backups but the newest ones, and the files that only they had"


def add_arguments(parser: ArgumentParser) -> None:
    """Take the place, and how many stay."""
    parser.add_argument("place")
    parser.add_argument("--keep", type=int, required=True, help="how many backups stay, at least 1")


def handle(command: BaseCommand, options: dict[str, Any]) -> None:
    """Prune and say what went."""
    pruned = backups_prune(place=place_of(options["place"]), keep=options["keep"])
    command.stdout.write(f"{pruned.backups:,} backups and {pruned.blobs:,} files removed")
