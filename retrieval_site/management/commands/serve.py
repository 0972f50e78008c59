from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from retrieval_site.supervisor.options import add_arguments
from retrieval_site.supervisor.serve import main


class Command(BaseCommand):
    help = "Start everything: embedded PostgreSQL and Redis (unless DATABASE_URL, REDIS_URL are set), workers, web."
    requires_system_checks = []  # there is no database yet

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve; `manage.py` itself comes here without loading Django, which this process does not need."""
        words = ["--host", options["host"], "--port", options["port"]]
        words += ["--no-demo"] if options["no_demo"] else []
        words += ["--reset-admin-password"] if options["reset_admin_password"] else []
        sys.exit(main(words))
