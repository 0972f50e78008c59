"""Making a backup of the running site."""

from __future__ import annotations

import io
import json
import secrets
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from retrieval_site.audit import audit_note
from retrieval_site.database.vector_servers import tables_elsewhere
from retrieval_site.errors import AppError
from workers.backup.answers import answers_take
from workers.backup.contents import contents
from workers.backup.files import Hashing, file_store
from workers.backup.manifest import (
    ANSWERS,
    BLOBS,
    DUMP,
    SETTINGS,
    BackupManifest,
    blob_name,
    manifest_write,
    own_name,
)
from workers.backup.programs import dumped, server_major
from workers.backup.sealing import Sealing
from workers.backup.site_settings import key_fingerprint, settings_said
from workers.models import Blob
from workers.storage.sweeping import removals_held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django.core.files.base import File

    from workers.backup.manifest import StoredFile
    from workers.backup.places import BackupPlace

SAY_EVERY = 1_000


def silent(words: str) -> None:
    """Say nothing of how far a backup is."""


@dataclass(frozen=True)
class BackupMade:
    """A new backup, and how much of it was new in its place."""

    manifest: BackupManifest
    copied: int
    copied_bytes: int


def backup_create(
    *,
    place: BackupPlace,
    sealing: Sealing,
    with_keys: bool = False,
    say: Callable[[str], object] = silent,
) -> BackupMade:
    """Back the site up while it runs; what the place has already of it is not copied again.

    With `with_keys`, the settings hold `SECRET_KEY` and the passwords of the environment too. A backup that breaks
    off leaves no manifest, so it is none; the blobs that it copied serve the next one. Vectors on other servers are not
    in it: the manifest names their tables. Raises AppError `backup.*`.
    """
    now = timezone.now()
    manifest = BackupManifest(
        id=f"{now:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(2)}",
        created_at=now.isoformat(timespec="seconds"),
        key=sealing.key,
        recipients=list(sealing.recipients),
        key_fingerprint=key_fingerprint(settings.CONFIG.secret_key),
    )
    with place.locked() as lock_check:
        with removals_held(), tempfile.TemporaryFile("w+b") as listed:
            manifest = _database(place, sealing, manifest, listed, say)
            kept = settings_said(with_keys=with_keys)
            files = {SETTINGS: _store(place, sealing, manifest, SETTINGS, io.BytesIO(kept))}
            manifest = replace(manifest, files=manifest.files | files)
            copied = _blobs(place, sealing, listed, say)
        manifest = replace(manifest, missing=copied.missing)
        lock_check()
        manifest_write(place, manifest)  # under the lock: without a manifest, all of it looks like a remnant
    said: dict[str, Any] = {
        "backup": manifest.id,
        "encrypted": bool(sealing.recipients),
        "with_keys": with_keys,
    }
    audit_note("backup.made", **said, missing=len(manifest.missing))
    return BackupMade(manifest, copied.blobs, copied.size)


def _store(
    place: BackupPlace, sealing: Sealing, manifest: BackupManifest, file: str, source: IO[bytes]
) -> StoredFile:
    return file_store(place, own_name(manifest.id, file), sealing, source)


def _database(
    place: BackupPlace,
    sealing: Sealing,
    manifest: BackupManifest,
    listed: IO[bytes],
    say: Callable[[str], object],
) -> BackupManifest:
    """Store all that is read in one snapshot of the database: dump, counts, answers, and which blobs its rows name."""
    with _snapshot() as snapshot:
        say("counting and asking")
        elsewhere = tables_elsewhere(DEFAULT_DB_ALIAS)
        taken = () if elsewhere else answers_take()  # a restored site has no vectors to answer by
        answers = "".join(json.dumps(line) + "\n" for line in taken).encode()
        tables, migrations = contents(), _migrations()
        count, size = _list_blobs(listed)
        listed.seek(0)
        files = {
            ANSWERS: _store(place, sealing, manifest, ANSWERS, io.BytesIO(answers)),
            BLOBS: _store(
                place, Sealing(), manifest, BLOBS, listed
            ),  # their names are seen in the place anyway
        }
        say("dumping the database")
        with dumped(snapshot) as dump:
            files[DUMP] = _store(place, sealing, manifest, DUMP, dump)
        version = server_major(connection)
    return replace(
        manifest,
        files=files,
        tables=tables,
        migrations=migrations,
        postgres=version,
        blobs=count,
        blob_bytes=size,
        elsewhere=elsewhere,
    )


@contextmanager
def _snapshot() -> Iterator[str]:
    """Give the name of a snapshot that other connections may read by; this one reads by it too."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot()")
        yield cursor.fetchone()[0]


def _migrations() -> dict[str, list[str]]:
    """Return the migrations that the database has, by app."""
    found: dict[str, list[str]] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        found.setdefault(app, []).append(name)
    return found


def _list_blobs(listed: IO[bytes]) -> tuple[int, int]:
    """Write a line for each blob: SHA-256 and bytes; return how many, and their bytes."""
    count = total = 0
    for sha256, size in Blob.objects.order_by("pk").values_list("pk", "size").iterator():
        listed.write(f"{sha256} {size}\n".encode())
        count, total = count + 1, total + size
    return count, total


@dataclass
class _Copied:
    blobs: int
    size: int
    missing: list[str]


def _blobs(place: BackupPlace, sealing: Sealing, listed: IO[bytes], say: Callable[[str], object]) -> _Copied:
    """Copy the blobs that the place lacks."""
    listed.seek(0)
    done = _Copied(0, 0, [])
    for number, (sha256, size) in enumerate(_lines(listed), 1):
        if number % SAY_EVERY == 0:
            say(f"{number:,} files seen, {done.blobs:,} copied")
        name = blob_name(sealing.key, sha256)
        there = place.size(name)
        if there is not None and (sealing.key or there == size):
            continue
        if _copy(place, sealing, name, sha256):
            done.blobs, done.size = done.blobs + 1, done.size + size
        else:
            done.missing.append(sha256)
    return done


def _lines(listed: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    for line in listed:
        sha256, size = line.decode().split()
        yield sha256, int(size)


class _OtherContentError(Exception):
    """The storage has another content under the name of this one."""


_LOST = ("blob.damaged", "blob.missing")
"""What reading a blob from a bucket raises where that has another content, or has it no longer."""


def _copy(place: BackupPlace, sealing: Sealing, name: str, sha256: str) -> bool:
    """Copy one blob; return False, and leave nothing, where the site has lost it or has other bytes in its place."""
    try:
        with default_storage.open(Blob(sha256=sha256).storage_name, "rb") as source:
            place.put(name, lambda file: _sealed_checked(sealing, source, file, sha256))
    except (FileNotFoundError, _OtherContentError):
        return False
    except AppError as error:
        if error.id not in _LOST:
            raise
        return False
    return True


def _sealed_checked(sealing: Sealing, source: File[bytes], file: IO[bytes], sha256: str) -> None:
    read = Hashing(source)
    sealing.seal(read, file)  # type: ignore[arg-type]  # reading is all that is asked of it
    if read.sha256 != sha256:
        raise _OtherContentError(sha256)
