from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from retrieval_site.supervisor.attach import PROJECT_FOLDER
from retrieval_site.supervisor.options import add_arguments


class Command(BaseCommand):
    help = "Start everything: embedded PostgreSQL and Redis (unless DATABASE_URL, REDIS_URL are set), workers, web."
    requires_system_checks = []  # there is no database yet

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Become the supervisor, which needs no Django and stays small."""
        words = ["--host", options["host"], "--port", options["port"]]
        words += ["--no-demo"] if options["no_demo"] else []
        words += ["--reset-admin-password"] if options["reset_admin_password"] else []
        os.chdir(PROJECT_FOLDER)
        os.execv(sys.executable, [sys.executable, "-m", "retrieval_site.supervisor", *words])  # noqa: S606 — ourselves
