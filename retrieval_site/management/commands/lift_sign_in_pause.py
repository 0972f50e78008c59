"""Letting people sign in again who failed too often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from retrieval_site.sign_in import forget_account, forget_everything, known_account

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Lift the pause after failed sign-ins: of one user, or with --all of every account and address."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", nargs="?")
        parser.add_argument("--all", action="store_true", help="every account and every address")

    def handle(self, *args: Any, username: str | None = None, **options: Any) -> None:
        if bool(username) == options["all"]:
            raise CommandError("Name one user, or say --all.")
        if username and not known_account(username):
            raise CommandError(f"There is no user “{username}”.")
        lifted = forget_account(username) if username else forget_everything()
        self.stdout.write("Lifted." if lifted else "There was nothing to lift.")
