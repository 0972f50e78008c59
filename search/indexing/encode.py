"""Making the vectors that are missing, whoever left them missing: imports, edits, a new version, a killed worker.

What is missing is asked of the database, so every run goes on where the last one ended. While the encoder works on
one half of a batch, this thread writes the half before it and reads the next; a kill loses one batch at most.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from retrieval_site.people import manages_models
from search.indexing.broken import broken_units, record_broken
from search.indexing.encoders import encoder_of
from search.indexing.locks import version_lock
from search.indexing.remap import remap_missing
from search.indexing.units import EncodedUnits, batches_missing, encode
from search.models import Collection
from search.monitoring.tuning import candidates_choose
from search.units.registry import unit_kind
from search.vectors.copy import vectors_write
from search.vectors.coverage import coverage, missing_outside
from search.vectors.index import index_build, index_drop, index_settled
from search.vectors.sharded.layout import servers_known
from search.vectors.sharded.waiting import waiting_for_shards
from search.vectors.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from models_admin.models import ModelVersion
    from workers.jobs.context import JobContext

PER_CENT = 100
INDEX_ROWS_MIN = 2_000
"""A smaller table is scanned exactly as fast as an index answers."""

REBUILD_UNITS_MIN = 5_000
"""From as many new vectors on (and half as many as there are), building the index again is faster than inserting."""

HOPELESS_FAILURES = 200
"""When so many units fail before the first succeeds, the model is at fault and not the units."""


@dataclass
class EncodeReport:
    """What a run did for one version."""

    encoded: int = 0
    remapped: int = 0
    failed: int = 0


def encode_missing(version: ModelVersion, ctx: JobContext) -> EncodeReport:
    """Encode every unit that has no vector under this version, and see to its indexes.

    What only passes an adapter is computed from the stored vectors of its network, where they are there. Ends when a
    whole pass finds nothing left, since documents may change while it runs. Raises JobDeferred where another job does
    the same or a server of vectors is away, and `JobStopped` at a checkpoint.
    """
    report = EncodeReport()
    with version_lock(version), waiting_for_shards():
        for table in tables_of(version):
            servers_known(table)
            _encode_kind(version, table.kind, ctx, report)
    return report


def _encode_kind(version: ModelVersion, kind: str, ctx: JobContext, report: EncodeReport) -> None:
    state = coverage(version)[kind]
    pending = state.missing - len(broken_units(version, kind, ctx.job.pk))
    if pending > 0:
        counted = _may_be_counted(version, kind, ctx)
        if pending > max(REBUILD_UNITS_MIN, state.total // 2):
            index_drop(version, kind)
        remapped = remap_missing(version, kind, ctx, pending if counted else None)
        report.remapped += remapped
        if remapped < pending:
            ctx.stage(f"encode {kind}s for {version}", pending - remapped, counted=counted)
            while _pass(version, kind, ctx, report):
                pass
    ctx.checkpoint()
    version.refresh_from_db(fields=["vector_index"])  # it may have been chosen anew meanwhile
    if state.total >= INDEX_ROWS_MIN and not index_settled(version, kind):
        ctx.stage(f"index {kind}s of {version}")
        index_build(version, kind, tell=_build_shown(ctx))
        ctx.stage(f"measure the index of {kind}s of {version}")
        candidates_choose(version, kind, ctx.checkpoint)


def _build_shown(ctx: JobContext) -> Callable[[int, int], None]:
    """Return what shows how far an index is: in rows, or in per cent where they are not all the owner's business."""
    owner = ctx.job.owner
    if owner is None or owner.is_superuser:
        return ctx.show
    return lambda done, total: ctx.show(PER_CENT * done // max(1, total), PER_CENT)


def _may_be_counted(version: ModelVersion, kind: str, ctx: JobContext) -> bool:
    """Return whether the job's owner may know how many units there are to encode: of all collections, seen or not."""
    owner = ctx.job.owner
    if owner is None or manages_models(owner):
        return True
    seen = Collection.objects.visible_to(owner).values_list("pk", flat=True)
    return not missing_outside(version, kind, list(seen))


def _pass(version: ModelVersion, kind: str, ctx: JobContext, report: EncodeReport) -> bool:
    """Encode what is missing, once through; return whether there was anything."""
    encoder, modality = encoder_of(version), unit_kind(kind).modality
    before = (report.encoded, report.failed)
    with ThreadPoolExecutor(1, thread_name_prefix="encoder") as pool:
        running: Future[EncodedUnits] | None = None
        for batch in batches_missing(version, kind, encoder, ctx.job.pk):
            finished, running = running, pool.submit(encode, encoder, modality, batch)
            if finished:
                _write(version, kind, finished.result(), ctx, report)
        if running:
            _write(version, kind, running.result(), ctx, report)
    return (report.encoded, report.failed) != before


def _write(
    version: ModelVersion, kind: str, encoded: EncodedUnits, ctx: JobContext, report: EncodeReport
) -> None:
    vectors_write(version, kind, encoded.ids, encoded.vectors)
    for failure in encoded.failures:
        record_broken(ctx, version, kind, failure)
    for error_id, count in Counter(failure.error_id for failure in encoded.failures).items():
        ctx.log.warning("%s cannot encode %d %ss: %s", version, count, kind, error_id)
    report.encoded += len(encoded.ids)
    report.failed += len(encoded.failures)
    ctx.advance(len(encoded.ids), failed=len(encoded.failures))
    if report.failed >= HOPELESS_FAILURES and not (report.encoded or report.remapped):
        raise AppError(
            "version.cannot_encode/first",
            model=version.key,
            failed=report.failed,
            kind=kind,
            reason=encoded.failures[-1].reason,
        )
    ctx.checkpoint()
