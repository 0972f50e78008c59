"""What a backup says of itself: what it holds, the checksum of each file, and what reads it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.backup.places import BackupPlace

FORMAT = 3
"""Of 1, `key_fingerprint` is not known; before 3, no site with `elsewhere` was backed up."""
FOLDER = "backups"
NAME = "manifest.json"
DUMP, BLOBS, ANSWERS, SETTINGS = "database.dump", "blobs.txt", "answers.jsonl", "settings.json"
OWN_FILES = {DUMP, BLOBS, ANSWERS, SETTINGS}
MANIFEST_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class StoredFile:
    """One file of a backup: its content, and how it lies in the place, which differs where it is encrypted."""

    sha256: str
    size: int
    stored_sha256: str
    stored_size: int


@dataclass(frozen=True)
class TableContent:
    """A table's rows, and a digest of them or of a fixed sample; the same rows give the same anywhere."""

    rows: int
    digest: str
    sampled: bool = False


@dataclass(frozen=True, kw_only=True)
class BackupManifest:
    """One backup. `missing` are blobs that the site itself had lost, or that were damaged there.

    `key_fingerprint` is of the site's `SECRET_KEY`; "" where that is not known. `elsewhere`: tables of vectors on other
    servers, which are not in it.
    """

    id: str
    created_at: str
    format: int = FORMAT
    migrations: dict[str, list[str]] = field(default_factory=dict)
    postgres: int = 0
    key: str = ""
    recipients: list[str] = field(default_factory=list)
    files: dict[str, StoredFile] = field(default_factory=dict)
    tables: dict[str, TableContent] = field(default_factory=dict)
    blobs: int = 0
    blob_bytes: int = 0
    missing: list[str] = field(default_factory=list)
    key_fingerprint: str = ""
    elsewhere: list[str] = field(default_factory=list)

    def name_of(self, file: str) -> str:
        """Return where one of its own files lies."""
        return own_name(self.id, file)


def own_name(backup: str, file: str) -> str:
    """Return where a backup's own file lies."""
    return f"{FOLDER}/{backup}/{file}"


def blob_name(key: str, sha256: str) -> str:
    """Return where a blob lies, for all backups that the same people can open."""
    return f"blobs/{key or 'plain'}/{sha256[:2]}/{sha256}"


def manifest_write(place: BackupPlace, manifest: BackupManifest) -> None:
    """Write the manifest with its own checksum; from now on the backup is there."""
    said = asdict(manifest)
    whole = said | {"checksum": _checksum(said)}
    place.put(manifest.name_of(NAME), lambda file: _write(file, whole))


def _write(file: Any, whole: dict[str, Any]) -> None:
    file.write(json.dumps(whole, indent=1, sort_keys=True).encode() + b"\n")


def manifest_read(place: BackupPlace, backup: str) -> BackupManifest:
    """Return a backup's manifest; raises AppError `backup.not_found`, `backup.damaged`, `backup.newer`."""
    name = own_name(backup, NAME)
    size = place.size(name)
    if size is None:
        raise AppError("backup.not_found", backup=backup)
    if size > MANIFEST_MAX_BYTES:
        raise AppError("backup.damaged", file=name, reason="it is too large")
    with place.open(name) as file:
        return _parsed(name, file.read())


def _parsed(name: str, content: bytes) -> BackupManifest:
    try:
        said = json.loads(content)
        if said["format"] > FORMAT:
            raise AppError("backup.newer", what=f"its format is {said['format']}")
        if said.pop("checksum") != _checksum(said):
            raise AppError("backup.damaged", file=name, reason="its checksum is another")
        files = {key: StoredFile(**value) for key, value in said.pop("files").items()}
        if not files.keys() >= OWN_FILES:
            raise AppError("backup.damaged", file=name, reason="it does not name all files of a backup")
        tables = {key: TableContent(**value) for key, value in said.pop("tables").items()}
        return BackupManifest(**said, files=files, tables=tables)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AppError("backup.damaged", file=name, reason="it cannot be read") from error


def backups_of(place: BackupPlace) -> Iterator[str]:
    """Yield the ids of the backups of a place, the oldest first."""
    ends = f"/{NAME}"
    yield from sorted(name.split("/")[1] for name in place.names(FOLDER) if name.endswith(ends))


def manifests_of(place: BackupPlace) -> Iterator[tuple[str, BackupManifest | AppError]]:
    """Yield the ids of the backups of a place with their manifests, or why one cannot be read, the oldest first."""
    for backup in backups_of(place):
        try:
            yield backup, manifest_read(place, backup)
        except AppError as error:
            if error.id not in ("backup.damaged", "backup.newer"):
                raise
            yield backup, error


def newest(place: BackupPlace) -> str:
    """Return the id of the newest backup; raises AppError `backup.none`."""
    ids = list(backups_of(place))
    if not ids:
        raise AppError("backup.none")
    return ids[-1]


def _checksum(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
