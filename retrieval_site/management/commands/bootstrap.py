from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from retrieval_site.static_files import collect_static

USERNAME = "admin"


class Command(BaseCommand):
    help = "Bring a database up to date: migrations, static files, the first administrator (ADMIN_PASSWORD or random)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--note", type=Path, help="touch this file if a password was set; do not print it"
        )
        parser.add_argument("--reset-admin-password", action="store_true")
        parser.add_argument(
            "--static-only", action="store_true", help="only collect static files, as images do when built"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["static_only"]:
            collect_static(settings.STATIC_ROOT)
            return
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        if not settings.DEBUG:
            collect_static(settings.STATIC_ROOT)
        password = os.environ.get("ADMIN_PASSWORD") or secrets.token_urlsafe(12)
        if set_admin_password(password, again=options["reset_admin_password"]):
            self._tell(password, options["note"])

    def _tell(self, password: str, note: Path | None) -> None:
        if note is not None:
            note.touch()
        else:
            self.stdout.write(f"Administrator `{USERNAME}`, password `{password}` (shown this once)")


def set_admin_password(password: str, *, again: bool) -> bool:
    """Make the first administrator, or with `again` give it a new password; return whether either was done."""
    users = get_user_model()
    if not again and users.objects.filter(is_superuser=True).exists():
        return False
    user, _ = users.objects.get_or_create(username=USERNAME)
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    user.save()
    return True
