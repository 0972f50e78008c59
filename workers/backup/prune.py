"""Removing old backups, and the blobs that no backup names any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.backup.manifest import FOLDER, NAME, backups_of, blob_name, own_name
from workers.backup.restore import backup_open
from workers.backup.sealing import Sealing

if TYPE_CHECKING:
    from workers.backup.places import BackupPlace

LOCK_CHECK_EVERY = 100
"""Files: after a lock is lost, no more than these go. Asking takes a request, as deleting does."""


@dataclass(frozen=True)
class Pruned:
    """How many backups and blobs went."""

    backups: int
    blobs: int


def backups_prune(*, place: BackupPlace, keep: int) -> Pruned:
    """Keep the newest backups, `keep` of them, at least one; remove the others and what only they had.

    What is kept is read first: where that is damaged, nothing is removed. Raises AppError `backup.busy`,
    `backup.damaged`, `backup.lock_lost`.
    """
    with place.locked() as lock_check:
        ids = list(backups_of(place))
        kept, gone = ids[-max(keep, 1) :], ids[: -max(keep, 1)]
        needed = {name for backup in kept for name in _blob_names(place, backup)}
        manifests = [own_name(backup, NAME) for backup in gone]
        others = [
            name for name in place.names(FOLDER) if name.split("/")[1] not in kept
        ]  # of one that broke off, too
        unused = [name for name in place.names("blobs") if name not in needed]
        for number, name in enumerate([*manifests, *others, *unused]):
            if number % LOCK_CHECK_EVERY == 0:
                lock_check()
            place.delete(name)
    return Pruned(len(gone), len(unused))


def _blob_names(place: BackupPlace, backup: str) -> list[str]:
    opened = backup_open(place, backup, Sealing())
    return [blob_name(opened.manifest.key, sha256) for sha256, _ in opened.blobs()]
