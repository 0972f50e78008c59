"""A round of a source as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval_site.languages.lazy import gettext_lazy
from search.job_types import SOURCE_ROUND, SourceRoundResult
from search.services.undoing import may_be_undone
from search.sources.reports import COUNTS

if TYPE_CHECKING:
    from workers.models import Job

WORDS = {
    "new": gettext_lazy("new"),
    "changed": gettext_lazy("changed"),
    "moved": gettext_lazy("moved"),
    "deleted": gettext_lazy("deleted"),
    "unchanged": gettext_lazy("unchanged"),
    "failed": gettext_lazy("failed"),
    "waiting": gettext_lazy("still being written"),
}


@dataclass(frozen=True)
class ShownRound:
    """A round: its job, whether it was a dry run, what it found, and in words what it counted."""

    job: Job
    dry_run: bool
    result: SourceRoundResult
    counts: list[tuple[int, str]]
    undoable: bool


def shown_round(job: Job) -> ShownRound:
    """Return a round for its page."""
    asked = SOURCE_ROUND.find_parameters(job)
    result = SOURCE_ROUND.result_of(job)
    counted = [(getattr(result, name), WORDS.get(name, name)) for name in COUNTS if getattr(result, name)]
    return ShownRound(
        job=job,
        dry_run=bool(asked and asked.dry_run),
        result=result,
        counts=counted,
        undoable=not result.undone_by and may_be_undone(job),
    )
