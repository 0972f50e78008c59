"""Remove stored files that nothing refers to any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand
from django.template.defaultfilters import filesizeformat

from workers.storage.sweeping import blobs_sweep

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Remove pictures, import files and bundles that nothing refers to; safe while uploads go on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how much would go")

    def handle(self, *args: Any, **options: Any) -> None:
        swept = blobs_sweep(dry_run=options["dry_run"])
        words = "would be removed" if options["dry_run"] else "removed"
        self.stdout.write(f"{swept.blobs:,} files {words}, {filesizeformat(swept.size)}")
