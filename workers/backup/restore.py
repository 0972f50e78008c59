"""Checking a backup, and restoring a site from one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from retrieval_site.database.addresses import APPLICATION, application_of
from retrieval_site.errors import AppError
from workers.backup.answers import answers_compare
from workers.backup.contents import contents, tables
from workers.backup.create import silent
from workers.backup.files import Nowhere, content_fetch, file_check, file_fetched
from workers.backup.keys import key_restore
from workers.backup.manifest import ANSWERS, BLOBS, DUMP, blob_name, manifest_read
from workers.backup.programs import load, server_major
from workers.backup.sealing import Sealing
from workers.backup.stored_files import stored_file_restore
from workers.models import Blob
from workers.storage.blobs import blob_open, file_is_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

    from workers.backup.answers import AnswersAgreement
    from workers.backup.keys import KeyRestored
    from workers.backup.manifest import BackupManifest
    from workers.backup.places import BackupPlace

SAY_EVERY = 1_000
SHOWN = 5


@dataclass(frozen=True)
class Backup:
    """One backup in its place, and the keys to it."""

    place: BackupPlace
    manifest: BackupManifest
    sealing: Sealing

    def blobs(self) -> Iterator[tuple[str, int]]:
        """Yield the SHA-256 and the size of every blob; raises AppError `backup.damaged`."""
        with file_fetched(self.place, self.manifest, BLOBS, Sealing()) as path, path.open() as lines:
            for line in lines:
                sha256, size = line.split()
                yield sha256, int(size)


def backup_open(place: BackupPlace, backup: str, sealing: Sealing) -> Backup:
    """Return a backup whose manifest can be read.

    Raises AppError `backup.not_found`, `backup.damaged`, `backup.newer`.
    """
    manifest = manifest_read(place, backup)
    return Backup(place, manifest, Sealing(tuple(manifest.recipients), sealing.identities))


def backup_verify(backup: Backup, say: Callable[[str], object] = silent) -> int:
    """Read all of a backup and check it; return how many blobs it has.

    Of an encrypted one without the private key the backup's own files are checked, and that its blobs are there.
    Raises AppError `backup.damaged`, `backup.key_*`.
    """
    for file, known in sorted(backup.manifest.files.items()):
        file_check(backup.place, backup.manifest.name_of(file), known)
    missing, count = set(backup.manifest.missing), 0
    for sha256, size in backup.blobs():
        if sha256 not in missing:
            _check_blob(backup, sha256, size)
        count += 1
        if count % SAY_EVERY == 0:
            say(f"{count:,} of {backup.manifest.blobs:,} files checked")
    return count


def _check_blob(backup: Backup, sha256: str, size: int) -> None:
    name = blob_name(backup.manifest.key, sha256)
    if backup.sealing.recipients and not backup.sealing.identities:
        if backup.place.size(name) is None:
            raise AppError("backup.damaged", file=name, reason="it is missing")
        return
    read = content_fetch(backup.place, name, backup.sealing, Nowhere(), sha256)  # type: ignore[arg-type]
    if read != size:
        raise AppError("backup.damaged", file=name, reason="it has another size")


def backup_restore(
    *, backup: Backup, replace: bool = False, say: Callable[[str], object] = silent
) -> KeyRestored:
    """Make the site what a backup holds: its blobs, then the database, in one transaction.

    All of the backup is read and checked before the first byte is written. The database must be empty, unless
    `replace`; of the blobs there may be only this backup's, so that a restore that broke off can be done again.
    Returns what became of the backup's `SECRET_KEY`. Raises AppError `backup.*`, `restore.*`.
    """
    _check_readable(backup.manifest)
    if not replace:
        _check_empty(backup)
    check_alone()
    say("checking the backup")
    backup_verify(backup, say)
    _restore_blobs(backup, say)
    say("restoring the database")
    with file_fetched(backup.place, backup.manifest, DUMP, backup.sealing) as dump:
        connection.close()
        load(dump, replace=replace)
    _check_contents(backup.manifest)
    return key_restore(backup)


def _check_readable(manifest: BackupManifest) -> None:
    """Raise AppError `backup.newer` where this code, or this server, is older than what made the backup."""
    known = MigrationLoader(None).disk_migrations
    for app, names in manifest.migrations.items():
        unknown = [name for name in names if (app, name) not in known]
        if unknown:
            raise AppError("backup.newer", what=f"this version has no migration {app}.{unknown[0]}")
    server = server_major(connection)
    if server < manifest.postgres:
        raise AppError("backup.newer", what=f"it is of PostgreSQL {manifest.postgres}, and this is {server}")


_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND EXISTS (
        SELECT FROM unnest(%s::text[]) own WHERE application_name = own OR starts_with(application_name, own || ' ')
    )
"""
"""A search or a job that is at work has its request's id behind the name (`named_by_request`)."""


def check_alone(database: BaseDatabaseWrapper | None = None) -> None:
    """Raise AppError `restore.site_running` where a site has connections to its database, or another."""
    database = database or connection
    with database.cursor() as cursor:
        cursor.execute(_OTHERS, [[APPLICATION, application_of(database.settings_dict)]])
        if cursor.fetchone()[0]:
            raise AppError("restore.site_running")


def _check_empty(backup: Backup) -> None:
    """Raise AppError `restore.not_empty` where the site holds anything that is not the backup's."""
    if found := tables():
        raise AppError("restore.not_empty", what=f"the database has the table {found[0]}")
    if not default_storage.exists(""):
        return
    own = {sha256 for sha256, _ in backup.blobs()}
    for folder in default_storage.listdir("")[0]:
        for name in default_storage.listdir(folder)[1]:
            if len(folder) == 2 and name not in own:
                raise AppError("restore.not_empty", what=f"the blobs have the file {folder}/{name}")


def _restore_blobs(backup: Backup, say: Callable[[str], object]) -> None:
    """Store what is not there yet, and replace what is there and damaged."""
    missing = set(backup.manifest.missing)
    for number, (sha256, size) in enumerate(backup.blobs(), 1):
        if number % SAY_EVERY == 0:
            say(f"{number:,} of {backup.manifest.blobs:,} files restored")
        blob = Blob(sha256=sha256, size=size)
        if sha256 in missing or file_is_whole(blob.storage_name, sha256):
            continue
        stored_file_restore(backup.place, backup.manifest.key, backup.sealing, blob)


def _check_contents(manifest: BackupManifest) -> None:
    """Raise AppError `restore.differs` where a table does not hold what it held when the backup was made."""
    found = contents()
    differing = [name for name, content in manifest.tables.items() if found.get(name) != content]
    if differing:
        raise AppError("restore.differs", tables=differing[:SHOWN])


@dataclass(frozen=True)
class Rehearsed:
    """What a restored site is beside the one that was backed up: tables and blobs that were compared, and answers.

    `elsewhere`: tables of vectors on other servers, which are not in the backup; then there are no answers either.
    """

    tables: int
    rows: int
    blobs: int
    answers: AnswersAgreement
    elsewhere: int = 0


def restored_compare(backup: Backup) -> Rehearsed:
    """Compare the site, restored from this backup, with what the backup knows of the one that it was made of.

    Rows and digests of every table, the content of every blob that a row names, and the sample answers. Raises AppError
    `restore.differs`, `restore.answers_differ`, `blob.missing`.
    """
    _check_contents(backup.manifest)
    blobs = _check_stored(set(backup.manifest.missing))
    with file_fetched(backup.place, backup.manifest, ANSWERS, backup.sealing) as path, path.open() as lines:
        answers = answers_compare(json.loads(line) for line in lines)
    if not answers.is_good:
        raise AppError("restore.answers_differ", share=round(answers.share, 3), question=answers.least)
    rows = sum(table.rows for table in backup.manifest.tables.values())
    return Rehearsed(len(backup.manifest.tables), rows, blobs, answers, len(backup.manifest.elsewhere))


def _check_stored(missing: set[str]) -> int:
    """Read every blob that the database names; return how many."""
    count = 0
    for blob in Blob.objects.exclude(pk__in=missing).order_by("pk").iterator():
        with blob_open(blob) as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != blob.sha256:
                raise AppError("restore.differs", tables=[f"blob {blob.sha256}"])
        count += 1
    return count
