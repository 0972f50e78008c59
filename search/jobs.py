"""The job types of documents and vectors."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from models_admin.job_types import (
    LEARN,
    MEASURE,
    PREPARE,
    LearnParameters,
    LearnResult,
    PrepareResult,
    VersionParameters,
)
from models_admin.models import ModelVersion
from models_admin.services import version_measure
from models_admin.versions import versions_live
from retrieval_site.errors import AppError
from search.adapting.learn import learned_version
from search.alerts.find import find_new
from search.alerts.mail import mail_new
from search.curating.duplicates import find_duplicates
from search.curating.job import run_changes, run_empty_trash
from search.evaluation.measure import evaluate
from search.importers.job import import_file, opened
from search.importers.looking import HowWritten, look_at
from search.importers.undoing import remove_imported
from search.indexing.broken import forget_broken
from search.indexing.dropped import passed_over_once_dropped
from search.indexing.encode import encode_missing
from search.indexing.prepare import coverage_report, prepare
from search.indexing.split import split_pending
from search.job_types import (
    CALIBRATE,
    CURATE,
    DELIVER_WEBHOOKS,
    EMPTY_TRASH,
    ENCODE,
    EVALUATE,
    EXPIRE_QUERIES,
    EXPIRE_RECORDS,
    FILL_QUEUE,
    FIND_DUPLICATES,
    FIND_NEW,
    FORGET_TABLES,
    IMPORT,
    LOOK_AT_TABLES,
    MAIL_NEW,
    MONITOR,
    SEARCH_PHOTOS,
    SHADOW,
    SOURCE_ROUND,
    SWEEP_FILES,
    UNDO_IMPORT,
    CalibrateResult,
    CoverageByVersion,
    CurateParameters,
    CurateResult,
    DeliverResult,
    DuplicatesParameters,
    DuplicatesResult,
    EmptyTrashResult,
    EncodeResult,
    EvaluateParameters,
    EvaluateResult,
    ExpireRecordsResult,
    ExpireResult,
    FillQueueParameters,
    FillQueueResult,
    FindNewResult,
    ForgetTablesResult,
    ImportJobParameters,
    ImportResult,
    LookParameters,
    LookResult,
    MailResult,
    MonitorResult,
    PhotosParameters,
    PhotosResult,
    ShadowParameters,
    ShadowResult,
    SourceRoundParameters,
    SourceRoundResult,
    SweepFilesResult,
    UndoParameters,
    UndoResult,
)
from search.judged.measure import measure
from search.judged.searches import has_judged_searches
from search.judging.disagreement import fill_by_disagreement
from search.monitoring.measure import measure_all
from search.photo_batches.work import search_photos
from search.relevance.fitting import calibrate_version
from search.services.alerts import find_new_soon
from search.services.documents import encode_soon
from search.services.fields import fields_count
from search.services.history import import_note, round_note
from search.services.photo_batches import photo_batches_expire
from search.services.query_ages import queries_expire
from search.services.record_ages import records_end
from search.services.resumable_uploads import uploads_sweep
from search.services.table_uploads import table_looks_forget
from search.side_by_side.shadow import shadow_ask
from search.sources.round import run_round
from search.vectors.dropped import told_once_dropped
from search.vectors.sharded.waiting import waiting_for_shards
from search.webhooks.sending import deliver_due
from search.words.vocabulary import vocabularies_refresh
from workers.inference.errors import InferenceError
from workers.jobs.errors import JobCancelled
from workers.jobs.registry import job_handler
from workers.jobs.rights import NOT_PERMITTED
from workers.storage.strays import strays_sweep
from workers.storage.sweeping import blobs_sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models_admin.job_types import Covered
    from models_admin.judged import Judged
    from workers.jobs.context import JobContext, JobRun
    from workers.jobs.types import JobParameters


@job_handler(IMPORT)
def run_import(run: JobRun[ImportJobParameters, ImportResult]) -> ImportResult:
    """Store the documents of a file, then make their vectors; with `dry_run` only say what would happen."""
    with _searchable_if_it_fails(run.parameters.dry_run):
        _store(run)
    if run.parameters.dry_run:
        return run.result
    with _made_searchable_anyway():
        return replace(run.result, coverage=_encode_live(run), retried=False)


@job_handler(SOURCE_ROUND)
def run_source_round(run: JobRun[SourceRoundParameters, SourceRoundResult]) -> SourceRoundResult:
    """Follow what is new, changed, moved and gone in a source, then make the vectors; a dry run only says it."""
    with _searchable_if_it_fails(run.parameters.dry_run):
        try:
            run_round(run)
        finally:
            round_note(run.job, run.result)
    if run.parameters.dry_run:
        return run.result
    with _made_searchable_anyway():
        return replace(run.result, coverage=_encode_live(run), retried=False)


@contextmanager
def _searchable_if_it_fails(dry_run: bool) -> Iterator[None]:  # noqa: FBT001  the parameter of the job
    """Leave the vectors to another job where this one ends early: what it stored before stays."""
    try:
        yield
    except (AppError, InferenceError, JobCancelled):
        if not dry_run:
            encode_soon()
        raise


@contextmanager
def _made_searchable_anyway() -> Iterator[None]:
    """Leave the vectors to a job of the system's own where the importer lost the right to the collection."""
    try:
        yield
    except AppError as error:
        if error.id == NOT_PERMITTED:
            encode_soon()
        raise


def _store(run: JobRun[ImportJobParameters, ImportResult]) -> None:
    """Retry what failed, where that was asked for; then store what no run has come to yet."""
    with opened(run) as storing:
        import_note(run.job)
        if run.only_failed and not run.result.retried:
            storing.retry_failed()
            run.remember(retried=True)
        if not run.result.stored:
            storing.store()
            run.remember(stored=True)


@job_handler(UNDO_IMPORT)
def run_undo_import(run: JobRun[UndoParameters, UndoResult]) -> None:
    """Remove the documents that an import created; their vectors go with them."""
    remove_imported(run)
    fields_count()
    vocabularies_refresh(run.checkpoint)


@job_handler(ENCODE)
def run_encode(run: JobRun[JobParameters, EncodeResult]) -> EncodeResult:
    """Make the vectors that any live version is missing; the result says what is still missing, and why."""
    return EncodeResult(coverage=_encode_live(run))


def _encode_live(ctx: JobContext) -> CoverageByVersion:
    if ctx.only_failed:
        forget_broken(ctx)
    split_pending(ctx)
    found: CoverageByVersion = {}
    for version in versions_live():
        with passed_over_once_dropped(version):
            encode_missing(version, ctx)
            with waiting_for_shards():
                found[version.key] = coverage_report(version)
                calibrate_version(version, ctx)
    fields_count()
    vocabularies_refresh(ctx.checkpoint)
    find_new_soon()
    return found


@job_handler(CALIBRATE)
def run_calibrate(run: JobRun[JobParameters, CalibrateResult]) -> CalibrateResult:
    """Fit the calibrations of the live versions for which there is more to learn from than there was."""
    calibrations = 0
    for version in versions_live():
        with passed_over_once_dropped(version):
            calibrations += calibrate_version(version, run)
    return CalibrateResult(calibrations=calibrations)


@job_handler(FILL_QUEUE)
def run_fill_queue(run: JobRun[FillQueueParameters, FillQueueResult]) -> FillQueueResult:
    """Find the pairs of a queue on which two versions disagree."""
    pairs = fill_by_disagreement(run.parameters.queue, run.parameters.other, run)
    return FillQueueResult(pairs=pairs)


@job_handler(FIND_NEW)
def run_find_new(run: JobRun[JobParameters, FindNewResult]) -> None:
    """Look for new documents that fit saved searches; where a part of the vectors is away, once it is back."""
    with waiting_for_shards():
        find_new(run)


@job_handler(MAIL_NEW)
def run_mail_new(run: JobRun[JobParameters, MailResult]) -> None:
    """Tell people by e-mail what is new for them."""
    mail_new(run)


@job_handler(EXPIRE_QUERIES)
def run_expire_queries(run: JobRun[JobParameters, ExpireResult]) -> None:
    """End the kept searches and the batches of photos that have had their time."""
    queries_expire(run)
    if batches := photo_batches_expire():
        run.remember(batches=batches)


@job_handler(LOOK_AT_TABLES)
def run_look_at_tables(run: JobRun[LookParameters, LookResult]) -> LookResult:
    """Look at the tables of a file, so that somebody can say which column is what."""
    run.stage("look")
    asked = run.parameters
    with import_file(asked.blob) as path:
        written = HowWritten(asked.delimiter, asked.encoding)
        return LookResult(tables=tuple(look_at(path, asked.filename, written)))


@job_handler(FORGET_TABLES)
def run_forget_tables(_: JobRun[JobParameters, ForgetTablesResult]) -> ForgetTablesResult:
    """Remove the files that somebody sent and never imported."""
    return ForgetTablesResult(removed=table_looks_forget())


@job_handler(SWEEP_FILES)
def run_sweep_files(_: JobRun[JobParameters, SweepFilesResult]) -> SweepFilesResult:
    """Remove the stored files that nothing refers to, and what is left of uploads."""
    return SweepFilesResult(removed=blobs_sweep().blobs + strays_sweep().blobs + uploads_sweep())


@job_handler(EXPIRE_RECORDS)
def run_expire_records(run: JobRun[JobParameters, ExpireRecordsResult]) -> None:
    """End what has had its time: entries of the audit log, finished jobs, and who judged."""
    records_end(run)


@job_handler(CURATE)
def run_curate(run: JobRun[CurateParameters, CurateResult]) -> None:
    """Change the documents of a curator's change set."""
    run_changes(run)


@job_handler(FIND_DUPLICATES)
def run_find_duplicates(run: JobRun[DuplicatesParameters, DuplicatesResult]) -> DuplicatesResult:
    """Find the documents of a collection that are nearly the same as others."""
    return DuplicatesResult(found=find_duplicates(run))


@job_handler(EMPTY_TRASH)
def run_trash(run: JobRun[JobParameters, EmptyTrashResult]) -> None:
    """Delete for good what has been in the trash for its time."""
    run_empty_trash(run)


@job_handler(SEARCH_PHOTOS)
def run_search_photos(run: JobRun[PhotosParameters, PhotosResult]) -> None:
    """Search with each photo of a batch."""
    search_photos(run)


@job_handler(PREPARE)
def run_prepare(run: JobRun[VersionParameters, PrepareResult]) -> PrepareResult:
    """Encode every document for a version beside the running one, then measure it where people have judged hits."""
    return PrepareResult(coverage=_prepared(_version(run.parameters), run))


def _prepared(version: ModelVersion, ctx: JobContext) -> dict[str, Covered]:
    if ctx.only_failed:
        forget_broken(ctx)
    coverage = prepare(version, ctx)
    with told_once_dropped(version):
        calibrate_version(version, ctx)
    if has_judged_searches():
        version_measure(version=version)
    return coverage


@job_handler(LEARN)
def run_learn(run: JobRun[LearnParameters, LearnResult]) -> None:
    """Learn an adapter from marks; where there is something to learn, end with a next version that is ready."""
    version = learned_version(run)
    if version is not None:
        run.remember(coverage=_prepared(version, run))


@job_handler(MEASURE)
def run_measure(run: JobRun[VersionParameters, Judged]) -> Judged:
    """Ask the judged searches again, under a version and under the champion."""
    return measure(_version(run.parameters), run)


@job_handler(EVALUATE)
def run_evaluate(run: JobRun[EvaluateParameters, EvaluateResult]) -> EvaluateResult:
    """Measure a version by an evaluation set."""
    return evaluate(run)


@job_handler(SHADOW)
def run_shadow(run: JobRun[ShadowParameters, ShadowResult]) -> ShadowResult:
    """Ask the challenger a share of the live searches."""
    return shadow_ask(run)


def _version(parameters: VersionParameters) -> ModelVersion:
    version: ModelVersion | None = ModelVersion.objects.filter(pk=parameters.version).first()
    if version is None:
        raise AppError("model.not_found/deleted")
    return version


@job_handler(MONITOR)
def run_monitor(run: JobRun[JobParameters, MonitorResult]) -> MonitorResult:
    """Measure the recall of every index and the drift of searches, and keep both."""
    return measure_all(run)


@job_handler(DELIVER_WEBHOOKS)
def run_deliver_webhooks(run: JobRun[JobParameters, DeliverResult]) -> None:
    """Deliver the messages that are due."""
    deliver_due(run)
