"""`manage.py error_catalogue`: bring the list of error ids in docs/api.md up to date with the table."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from retrieval_site.config import BASE_DIR
from workers.error_table import ERRORS
from workers.error_table.catalogue import as_markdown

PAGE = BASE_DIR / "docs" / "api.md"


class Command(BaseCommand):
    help = "Write the table of error ids (workers/error_table/errors.toml) into docs/api.md."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        catalogue = as_markdown()
        above = PAGE.read_text().partition(catalogue.splitlines()[0] + "\n")[0]
        PAGE.write_text(above + catalogue)
        self.stdout.write(f"docs/api.md lists {len(ERRORS)} ids.")
