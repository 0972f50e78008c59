"""Remove stored files that nothing refers to any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from retrieval_site.errors import AppError
from workers.storage.strays import strays_sweep
from workers.storage.sweeping import blobs_sweep

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Remove pictures, import files and bundles that nothing refers to; safe while uploads go on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how much would go")
        parser.add_argument(
            "--over-half",
            action="store_true",
            help="remove files that have no row even where they are more than half of what is stored",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run, over_half = options["dry_run"], options["over_half"]
        swept = blobs_sweep(dry_run=dry_run)
        try:
            strays = strays_sweep(dry_run=dry_run, over_half=over_half)
        except AppError as error:
            raise CommandError(str(error)) from error
        words = "would be removed" if dry_run else "removed"
        self.stdout.write(
            f"{swept.blobs + strays.blobs:,} files {words}, {filesizeformat(swept.size + strays.size)}"
        )
