"""What a round counts, and what it says beside the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.jobs.services import storable
from workers.jobs.types import JobWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.sources.types import SourceListing

COUNTS = ("new", "changed", "moved", "deleted", "unchanged", "waiting", "failed")
"""Files, records or manifests, by what became of them since the last round."""


def warnings_of(listing: SourceListing) -> Iterator[JobWarning]:
    """Yield what a person should know of what was listed."""
    for error_id, message in listing.notes.items():
        yield JobWarning(id=error_id, message=storable(message), detail={})
    if listing.ignored:
        examples = [storable(name)[:100] for name in listing.ignored_examples]
        counted = "1 file is" if listing.ignored == 1 else f"{listing.ignored:,} files are"
        message = f"{counted} of no kind that becomes a document: {', '.join(examples)}."
        yield JobWarning(
            id="import.files_ignored",
            message=message,
            detail={"count": listing.ignored, "examples": examples},
        )
