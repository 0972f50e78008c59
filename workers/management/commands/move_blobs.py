from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from workers.storage.moving import blobs_move

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

SHOWN = 10
LEFT = 3
"""The exit status of a move that left damaged files where they were."""


class Command(BaseCommand):
    help = "Move pictures, files and bundles into the bucket or back into the folder, while the site runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", choices=["s3", "folder"], required=True)
        parser.add_argument(
            "--parallel", type=int, choices=range(1, 33), default=4, metavar="N", help="files at once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        config, to = settings.CONFIG, options["to"]
        if config.blob_s3 is None:
            raise CommandError("No bucket is set: see BLOB_S3_BUCKET in docs/settings.md.")
        if config.blob_store != to:
            raise CommandError(f"Set BLOB_STORE={to} first, for every process, and start them anew.")
        storage: Any = default_storage
        try:
            done = blobs_move(
                storage=storage, to_bucket=to == "s3", say=self.stderr.write, parallel=options["parallel"]
            )
        except AppError as error:
            raise CommandError(f"{error} What was moved is moved; the same command goes on.") from error
        audit_note("blobs.moved", to=to, files=done.files)
        self.stdout.write(f"{done.files:,} files moved ({filesizeformat(done.size)}).")
        if done.unnamed:
            self.stdout.write(f"{done.unnamed:,} files stay: no row names them.")
        if done.damaged:
            shown = ", ".join(done.damaged[:SHOWN])
            raise CommandError(
                f"{len(done.damaged):,} damaged files stay where they were: {shown}", returncode=LEFT
            )
