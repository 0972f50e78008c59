"""`manage.py error_catalogue`: bring the list of error ids in docs/api.md up to date with the table."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from retrieval_site.config import BASE_DIR
from retrieval_site.error_table import ERRORS, as_markdown

PAGE = BASE_DIR / "docs" / "api.md"


class Command(BaseCommand):
    help = "Write the table of error ids (retrieval_site/errors.toml) into docs/api.md."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        first_section = next(iter(ERRORS.values())).section
        above = PAGE.read_text().partition(f"### {first_section}\n")[0]
        PAGE.write_text(above + as_markdown())
        self.stdout.write(f"docs/api.md lists {len(ERRORS)} ids.")
