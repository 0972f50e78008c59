"""`manage.py backup key`: a pair of keys for encrypted backups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from workers.backup.sealing import identity_make

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.management.base import BaseCommand

HELP = "make a private key, to be kept elsewhere, and print its public one, with which backups are encrypted"


def add_arguments(parser: ArgumentParser) -> None:
    """Take the file of the private key."""
    parser.add_argument("file", type=Path, help="a new file for the private key")


def handle(command: BaseCommand, options: dict[str, Any]) -> None:
    """Write the private key and print the public one."""
    identity, recipient = identity_make()
    try:
        with options["file"].open("x") as file:
            options["file"].chmod(0o600)
            file.write(f"# public key: {recipient}\n{identity}\n")
    except FileExistsError:
        raise CommandError(f"{options['file']} is there already.") from None
    command.stdout.write(recipient)
