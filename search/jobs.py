"""The job types of documents and vectors."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from models_admin.models import ModelVersion
from models_admin.services import version_measure, versions_live
from retrieval_site.errors import AppError
from search.importers.job import opened
from search.importers.undoing import remove_imported
from search.indexing.broken import forget_broken
from search.indexing.encode import encode_missing
from search.indexing.prepare import coverage_report, prepare
from search.indexing.split import split_pending
from search.judged.measure import measure
from search.judged.searches import has_judged_searches
from search.services.documents import encode_soon
from workers.inference.errors import InferenceError
from workers.jobs.errors import JobCancelled
from workers.jobs.registry import job_handler
from workers.jobs.rights import NOT_PERMITTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.jobs.context import JobContext


@job_handler("import")
def run_import(ctx: JobContext) -> dict[str, Any]:
    """Store the documents of a file, then make their vectors; with `dry_run` only say what would happen."""
    try:
        _store(ctx)
    except (AppError, InferenceError, JobCancelled):
        # What was stored before the end stays, so it must become searchable without this job.
        if not ctx.params.get("dry_run"):
            encode_soon()
        raise
    if ctx.params.get("dry_run"):
        return {}
    with _made_searchable_anyway():
        return {**_encode_live(ctx), "retried": False}


@contextmanager
def _made_searchable_anyway() -> Iterator[None]:
    """Leave the vectors to a job of the system's own where the importer lost the right to the collection."""
    try:
        yield
    except AppError as error:
        if error.id == NOT_PERMITTED:
            encode_soon()
        raise


def _store(ctx: JobContext) -> None:
    """Retry what failed, where that was asked for; then store what no run has come to yet."""
    with opened(ctx) as run:
        if ctx.only_failed and not ctx.result.get("retried"):
            run.retry_failed()
            ctx.remember(retried=True)
        if not ctx.result.get("stored"):
            run.store()
            ctx.remember(stored=True)


@job_handler("undo_import")
def run_undo_import(ctx: JobContext) -> None:
    """Remove the documents that an import created; their vectors go with them."""
    remove_imported(ctx)


@job_handler("encode")
def run_encode(ctx: JobContext) -> dict[str, Any]:
    """Make the vectors that any live version is missing; the result says what is still missing, and why."""
    return _encode_live(ctx)


def _encode_live(ctx: JobContext) -> dict[str, Any]:
    if ctx.only_failed:
        forget_broken(ctx)
    split_pending(ctx)
    found = {}
    for version in versions_live():
        encode_missing(version, ctx)
        found[version.key] = coverage_report(version)
    return {"coverage": found}


@job_handler("prepare")
def run_prepare(ctx: JobContext) -> dict[str, Any]:
    """Encode every document for a version beside the running one, then measure it where people have judged hits."""
    version = _version(ctx)
    if ctx.only_failed:
        forget_broken(ctx)
    report = prepare(version, ctx)
    if has_judged_searches():
        version_measure(version=version)
    return report


@job_handler("measure")
def run_measure(ctx: JobContext) -> dict[str, Any]:
    """Ask the judged searches again, under a version and under the champion."""
    return measure(_version(ctx), ctx)


def _version(ctx: JobContext) -> ModelVersion:
    version: ModelVersion | None = ModelVersion.objects.filter(pk=ctx.params["version"]).first()
    if version is None:
        raise AppError("model.not_found/deleted")
    return version
