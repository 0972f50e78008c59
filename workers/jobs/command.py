"""What the commands that start jobs have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from retrieval_site.errors import AppError
from workers.jobs.following import job_complete
from workers.models import JobState

if TYPE_CHECKING:
    from workers.models import Job

ITEMS_SHOWN = 20


class JobCommand(BaseCommand):
    """Shows expected failures as sentences instead of tracebacks, and sees jobs through."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; an AppError becomes a CommandError with its sentence and id."""
        try:
            return super().execute(*args, **options)
        except AppError as error:
            raise CommandError(f"{error.message} [{error.id}]") from error

    def complete(self, job: Job) -> Job:
        """Wait for a job (or do it here), show its failed items; raise CommandError where it did not succeed."""
        done = job_complete(job, self.stdout.write)
        for item in done.items.all()[:ITEMS_SHOWN]:
            self.stderr.write(f"{item.key}: {item.reason} [{item.error_id}]")
        if (more := done.items.count() - ITEMS_SHOWN) > 0:
            self.stderr.write(f"… and {more:,} more")
        if done.state != JobState.SUCCEEDED:
            raise CommandError(f"The {done.type} job {done.state}: {done.error} [{done.error_id}]")
        return done
