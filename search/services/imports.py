"""Starting imports: the file is kept as a blob, the work is a job."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from django.db import transaction

from retrieval_site.errors import AppError
from search.importers.foreign import is_text, refuse_foreign
from search.importers.table_heads import mapping_of_text
from search.importers.types import ImportOptions
from search.job_types import IMPORT, ImportJobParameters
from search.services.table_mappings import mappings_of
from workers.jobs.services import job_create, storable
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.core.files.base import File

    from search.importers.mapping import KeptMappings
    from search.models import Collection
    from workers.models import Job

DEFAULT_OPTIONS = ImportOptions()
UNKNOWN_FIELD = "import.unknown_field"


def import_start(
    *,
    collection: Collection,
    file: File[bytes],
    options: ImportOptions = DEFAULT_OPTIONS,
    dry_run: bool = False,
    owner: AbstractBaseUser | None = None,
) -> Job:
    """Keep the file and start its import, or with `dry_run` a check that writes no document.

    Either way the job counts new, changed, unchanged and failed documents in its result and keeps every failed one
    with its line and reason. Raises AppError `import.empty`, `import.format_unknown`, `import.mapping_invalid`.
    """
    name = Path(file.name or "").name
    kept = mappings_of(collection, options.mapping)
    if not _is_mapped(cast("BinaryIO", file), options, kept):
        refuse_foreign(cast("BinaryIO", file), options.format, name)
    with transaction.atomic():
        blob = blob_store(file, "application/octet-stream")
        parameters = ImportJobParameters(
            collection=collection.pk,
            blob=blob.pk,
            filename=storable(name)[:200],
            dry_run=dry_run,
            **asdict(options),
        )
        return job_create(IMPORT, parameters, owner=owner)


def import_folder_start(
    *,
    collection: Collection,
    path: Path,
    options: ImportOptions = DEFAULT_OPTIONS,
    dry_run: bool = False,
    owner: AbstractBaseUser | None = None,
) -> Job:
    """Start the import of a folder or file by its path, which the worker must see too; never for web requests.

    Raises AppError `import.path_missing`; a worker that finds nothing there fails with `import.path_not_on_worker`.
    """
    if not path.exists():
        raise AppError("import.path_missing", path=str(path))
    kept = mappings_of(collection, options.mapping)
    if path.is_file():
        with path.open("rb") as file:
            if not _is_mapped(file, options, kept):
                refuse_foreign(file, options.format, path.name)
    parameters = ImportJobParameters(
        collection=collection.pk, path=str(path.resolve()), dry_run=dry_run, **asdict(options)
    )
    return job_create(IMPORT, parameters, owner=owner)


def _is_mapped(file: BinaryIO, options: ImportOptions, kept: KeptMappings) -> bool:
    """Tell a text that is a table with a mapping: its columns need not be called as a document's fields are."""
    if options.format not in (None, "csv") or not kept or not is_text(file):
        return False
    return mapping_of_text(file, kept) is not None


def import_checked(*, check: Job, owner: AbstractBaseUser | None = None) -> Job:
    """Start the import that `check` was the dry run of, with the same file. Raises AppError `import.not_a_check`."""
    checked = IMPORT.find_parameters(check)
    if checked is None or not checked.dry_run:
        raise AppError("import.not_a_check")
    return job_create(IMPORT, replace(checked, dry_run=False, only_failed=False), owner=owner)


def import_keeping_extra_columns(*, job: Job, owner: AbstractBaseUser) -> Job:
    """Start the same import or dry run again, with every column that is no field kept as metadata.

    Raises AppError `import.not_refused` where that is not what the import failed for.
    """
    refused = IMPORT.find_parameters(job)
    if refused is None or not refused_columns(job):
        raise AppError("import.not_refused")
    parameters = replace(refused, extra_columns="metadata", only_failed=False)
    return job_create(IMPORT, parameters, owner=owner)


def refused_columns(job: Job) -> bool:
    """Return whether an import refused its file, or documents of it, for a column or key that is no field."""
    if job.type != IMPORT.name or not job.is_finished:
        return False
    return job.error_id == UNKNOWN_FIELD or job.items.filter(error_id=UNKNOWN_FIELD).exists()
