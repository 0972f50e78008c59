"""Remove metadata from pictures that were stored before collections did so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from search.services.picture_metadata import pictures_strip, pictures_to_strip

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = (
        "Remove place, time, camera and all other metadata from the files of stored pictures, except in collections "
        "that keep originals. It may run while the server does, and may be ended and begun again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--collection", help="the slug of one collection")
        parser.add_argument("--dry-run", action="store_true", help="say how many pictures have metadata")

    def handle(self, *args: Any, **options: Any) -> None:
        images = pictures_to_strip()
        if options["collection"]:
            images = images.filter(document__collection__slug=options["collection"])
        counts = pictures_strip(images, dry_run=options["dry_run"])
        words = "have metadata" if options["dry_run"] else "were freed of metadata"
        self.stdout.write(f"{counts.freed:,} pictures {words}, {counts.clean:,} had none.")
        if counts.unreadable:
            self.stderr.write(f"{counts.unreadable:,} could not be read and stay as they are.")
