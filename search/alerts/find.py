"""Asking saved searches again, for documents that are new and fit.

A new document fits where the first page of the search, asked as its person asked it, would have shown it: as many as a
page shows were there when they began to wait, and it stands before the last of these. What was found is known by its
document, so asking twice finds nothing twice.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from models_admin.services import champion
from search.judged.asking import rankings
from search.models import Document, SavedSearch
from search.retrieval import keep
from search.services.alerts import Alerts, findings_add
from search.side_by_side.as_asked import finds_as_asked
from search.units.registry import unit_kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from uuid import UUID

    from models_admin.models import ModelVersion
    from search.job_types import FindNewResult
    from search.models import Query
    from workers.jobs.context import JobRun
    from workers.jobs.types import JobParameters

BATCH_SEARCHES = 50
_finds = partial(finds_as_asked, weak=False)


def find_new(run_of_job: JobRun[JobParameters, FindNewResult]) -> None:
    """Ask every saved search whose person waits for something new; the result has how many documents were found."""
    version = champion()
    if version is None:
        return
    found, after = run_of_job.result.found or 0, run_of_job.result.after or 0
    while batch := list(_waiting(after)):
        ranked = _ranked(version, [saved.query for saved in batch], run_of_job)
        for saved in batch:
            found += findings_add(saved=saved, documents=_new_ones(saved, ranked.get(saved.query_id, ())))
        after = batch[-1].pk
        run_of_job.remember(found=found, after=after)
        run_of_job.checkpoint()


def _waiting(after: int) -> Iterable[SavedSearch]:
    rows = SavedSearch.objects.filter(pk__gt=after, user__is_active=True).exclude(alerts=Alerts.OFF)
    rows = rows.select_related("query__version", "query__user").prefetch_related("query__parts")
    return rows.order_by("pk")[:BATCH_SEARCHES]


def _ranked(
    version: ModelVersion, queries: Sequence[Query], run_of_job: JobRun[JobParameters, FindNewResult]
) -> dict[UUID, list[int]]:
    """Return the documents of each search, best first: by its kept vectors where they are this version's."""
    known = {query.pk: _by_kept_vectors(query) for query in queries if query.version_id == version.pk}
    ranked = {pk: documents for pk, documents in known.items() if documents is not None}
    if others := [query for query in queries if query.pk not in known]:
        ranked |= rankings(version, others, run_of_job, find=_finds)
    return ranked


def _by_kept_vectors(query: Query) -> list[int] | None:
    """Return what the asker finds now; None where the vectors are gone, or they may no longer look there."""
    encoded = keep.encoded_of(query)
    return None if encoded is None else _finds(query, encoded)


def _new_ones(saved: SavedSearch, ranked: Sequence[int]) -> list[int]:
    """Return the documents that came since and would have been on the first page."""
    new = Document.objects.filter(pk__in=ranked, created_at__gt=saved.alerts_since)
    hits_a_page = unit_kind_of(saved.query.target).shown.hits_a_page
    return list(_on_first_page(ranked, set(new.values_list("pk", flat=True)), hits_a_page))


def _on_first_page(ranked: Sequence[int], new: set[int], hits_a_page: int) -> Iterator[int]:
    old = 0
    for document in ranked:
        if document in new:
            yield document
            continue
        old += 1
        if old == hits_a_page:
            return
