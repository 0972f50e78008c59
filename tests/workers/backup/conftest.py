from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from workers.backup.create import backup_create
from workers.backup.places import FolderPlace
from workers.backup.restore import Backup, backup_open
from workers.backup.sealing import Sealing, identity_make
from workers.models import Blob
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENTS = (b"one picture", b"another picture" * 10_000)


@dataclass(frozen=True)
class Site:
    """Two backups of a site that has two blobs and no documents: as it is, and encrypted; with the private key."""

    plain: Path
    sealed: Path
    identity: str

    def backup(self, place: Path, *identities: str) -> Backup:
        """The one backup of a place."""
        (backup,) = [folder.name for folder in (place / "backups").iterdir()]
        return backup_open(FolderPlace(place), backup, Sealing(identities=identities))


@pytest.fixture(scope="module")
def site(tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("backups")
    identity, recipient = identity_make()
    made = Site(folder / "plain", folder / "sealed", identity)
    with django_db_blocker.unblock():
        blobs = [blob_store(content, "image/png").pk for content in CONTENTS]
        backup_create(place=FolderPlace(made.plain), sealing=Sealing())
        backup_create(place=FolderPlace(made.sealed), sealing=Sealing((recipient,)), with_keys=True)
        Blob.objects.filter(pk__in=blobs).delete()
        with (
            connection.cursor() as cursor
        ):  # that backups were made is in the audit log, which refuses to forget rows
            cursor.execute("TRUNCATE search_auditentry")
    return made
