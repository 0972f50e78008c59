"""End old searches now, instead of waiting for the day's job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.job_types import EXPIRE_QUERIES
from search.services.query_ages import queries_to_end, queries_to_strip
from workers.jobs.command import JobCommand
from workers.jobs.services import job_create_once
from workers.jobs.types import JobParameters

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = (
        "Remove kept searches older than QUERY_KEEP_DAYS, and photos and vectors older than QUERY_PHOTO_KEEP_DAYS; "
        "what was judged stays. The server does so once a day by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how many would go")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            stripped, ended = queries_to_strip().count(), queries_to_end().count()
            self.stdout.write(f"{stripped:,} photos or vectors and {ended:,} searches would be removed.")
            return
        job, _ = job_create_once(EXPIRE_QUERIES, JobParameters())
        done = EXPIRE_QUERIES.result_of(self.complete(job))
        self.stdout.write(
            f"{done.stripped or 0:,} photos or vectors and {done.removed or 0:,} searches were removed."
        )
