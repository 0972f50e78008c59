from __future__ import annotations

from getpass import getpass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Say what the organisation's directory (LDAP) knows of somebody, and what that makes of them here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the name that they sign in with")
        parser.add_argument("--password", action="store_true", help="ask for their password, and try it")

    def handle(self, *args: Any, **options: Any) -> None:
        config = settings.CONFIG.ldap
        if config is None:
            raise CommandError("No directory is set: see LDAP_URL in docs/sign-in.md.")
        try:
            from retrieval_site.accounts.ldap_look import LookError, directory_look
        except ImportError as error:
            raise CommandError(str(AppError("auth.directory_library"))) from error
        needs_password = not config.user_base and not config.bind_dn
        if needs_password and not options["password"]:
            raise CommandError("Without LDAP_BIND_DN only people themselves may look: add --password.")
        password = getpass("Their password: ") if options["password"] else ""
        try:
            for line in directory_look(config, options["user"], password):
                self.stdout.write(line)
        except (LookError, AppError) as error:
            raise CommandError(str(error)) from error
