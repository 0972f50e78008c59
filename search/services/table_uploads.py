"""Tables whose columns somebody chooses: the file waits as a blob of the job that looked at it, for a day at most."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from retrieval_site.errors import AppError
from search.importers.mapping import check_how_written
from search.job_types import IMPORT, LOOK_AT_TABLES, ImportJobParameters, LookParameters
from search.services.imports import DEFAULT_OPTIONS
from search.services.table_mappings import mappings_of
from workers.jobs.services import ACTIVE, job_create, storable
from workers.models import Blob, Job
from workers.storage.blobs import blob_store
from workers.storage.sweeping import blob_remove_unused

if TYPE_CHECKING:
    import uuid

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.core.files.base import File
    from django.db.models import QuerySet

    from search.importers.types import ImportOptions
    from search.models import Collection

KEPT_FOR = timedelta(days=1)


def table_look_start(
    *,
    collection: Collection,
    file: File[bytes],
    options: ImportOptions = DEFAULT_OPTIONS,
    owner: AbstractBaseUser,
) -> Job:
    """Keep the file and start looking at its tables; what `options` say of pictures of text is for its import."""
    with transaction.atomic():
        blob = blob_store(file, "application/octet-stream")
        name = storable(Path(file.name or "").name)[:200]
        parameters = LookParameters(
            collection=collection.pk,
            blob=blob.pk,
            filename=name,
            character_recognition=options.character_recognition,
            letters=options.letters,
        )
        return job_create(LOOK_AT_TABLES, parameters, owner=owner)


def table_look_again(*, look: LookParameters, delimiter: str, encoding: str, owner: AbstractBaseUser) -> Job:
    """Look at the same file anew, as one that is written so. Raises AppError `import.mapping_invalid`."""
    check_how_written(delimiter, encoding)
    parameters = replace(look, delimiter=delimiter, encoding=encoding)
    return job_create(LOOK_AT_TABLES, parameters, owner=owner)


def table_look_for(collection: Collection, job_id: uuid.UUID) -> tuple[Job, LookParameters]:
    """Return a look at a file of this collection; raises AppError `import.upload_gone`."""
    job = Job.objects.filter(pk=job_id, type=LOOK_AT_TABLES.name).first()
    parameters = LOOK_AT_TABLES.find_parameters(job) if job else None
    kept = parameters and Blob.objects.filter(pk=parameters.blob).exists()
    if job is None or parameters is None or not kept or parameters.collection != collection.pk:
        raise AppError("import.upload_gone")
    return job, parameters


@transaction.atomic
def table_import_start(
    *,
    collection: Collection,
    look: LookParameters,
    options: ImportOptions = DEFAULT_OPTIONS,
    dry_run: bool = False,
    owner: AbstractBaseUser,
) -> Job:
    """Start the import of a file that was looked at, or its check. Raises AppError `import.mapping_invalid`."""
    mappings_of(collection, options.mapping)
    options = replace(options, character_recognition=look.character_recognition, letters=look.letters)
    parameters = ImportJobParameters(
        collection=collection.pk, blob=look.blob, filename=look.filename, dry_run=dry_run, **vars(options)
    )
    return job_create(IMPORT, parameters, owner=owner)


def table_looks_to_forget() -> QuerySet[Job]:
    """Return the looks at files that are older than a day."""
    old = Job.objects.filter(type=LOOK_AT_TABLES.name, created_at__lt=Now() - KEPT_FOR)
    return old.exclude(state__in=ACTIVE)


def table_looks_forget() -> int:
    """Remove old looks, and their files unless an import has them; return how many."""
    removed = 0
    for job in table_looks_to_forget():
        parameters = LOOK_AT_TABLES.find_parameters(job)
        job.delete()
        removed += 1
        if parameters is not None:
            blob_remove_unused(parameters.blob)
    return removed
