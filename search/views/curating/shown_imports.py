"""Imports and checks as curators' pages show them: what they count, what was left out, and what can be done next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from retrieval_site.languages.lazy import gettext_lazy
from search.job_types import IMPORT
from search.services.imports import refused_columns
from workers.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from search.job_types import ImportJobParameters, ImportResult
    from search.models import Collection
    from workers.jobs.types import JobWarning
    from workers.models import JobItem

COUNTS = ("new", "changed", "unchanged", "failed")
VERBS = {
    "check": gettext_lazy("Checked"),
    "store": gettext_lazy("Stored"),
    "count": gettext_lazy("Counting"),
    "retry": gettext_lazy("Tried again"),
}


@dataclass(frozen=True)
class ShownImport:
    """An import or check: its job, what was asked, what came of it, and the first documents that failed."""

    job: Job
    asked: ImportJobParameters | None
    result: ImportResult
    items: list[JobItem]

    @property
    def name(self) -> str:
        """What the file is called."""
        return (self.asked.filename if self.asked else "") or gettext("a file on the server")

    @property
    def is_check(self) -> bool:
        """Whether nothing is written."""
        return bool(self.asked and self.asked.dry_run)

    @property
    def is_running(self) -> bool:
        """Whether it waits or is at work."""
        return not self.job.is_finished

    @property
    def progress(self) -> str:
        """How far it is, in words."""
        if self.job.state == JobState.QUEUED:
            return gettext("Waits for a worker")
        if self.job.stage.startswith("encode"):
            return gettext("Makes vectors")
        return VERBS.get(self.job.stage, self.job.stage.capitalize() or gettext("Begins"))

    @property
    def total(self) -> int:
        """How many items the stage has that is at work; 0 while that is not known."""
        return 0 if self.job.state == JobState.QUEUED else self.job.total or 0

    @property
    def counts(self) -> list[tuple[int, str]]:
        """How many documents are, or of a check would be, new, changed, unchanged and failed."""
        return [(getattr(self.result, name) or 0, name) for name in COUNTS]

    @property
    def warnings(self) -> Sequence[JobWarning]:
        """What was left out or may be unexpected."""
        return self.result.warnings or ()

    @property
    def is_importable(self) -> bool:
        """Whether it is a check whose file can be imported now."""
        return self.is_check and self.job.state == JobState.SUCCEEDED

    @property
    def may_try_again(self) -> bool:
        """Whether documents failed that can be tried again."""
        return not self.is_check and self.job.is_finished and bool(self.result.failed)

    @property
    def keeps_columns(self) -> bool:
        """Whether it refused columns that can be kept as metadata."""
        return refused_columns(self.job)

    @property
    def more(self) -> int:
        """How many further documents failed than are shown."""
        return max(0, (self.result.failed or 0) - len({item.key for item in self.items}))


def shown_import(job: Job, items: int) -> ShownImport:
    """Return an import for a page, with so many of the documents that failed."""
    return ShownImport(
        job, IMPORT.find_parameters(job), IMPORT.result_of(job), list(job.items.order_by("pk")[:items])
    )


def imports_of(collection: Collection, most: int, items: int) -> list[ShownImport]:
    """Return the newest imports and checks of a collection."""
    jobs: Iterable[Job] = Job.objects.filter(type=IMPORT.name, params__collection=collection.pk)[:most]
    return [shown_import(job, items) for job in jobs]
