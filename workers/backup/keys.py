"""Whether a restored site has the `SECRET_KEY` that its rows were written with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from retrieval_site.supervisor.attach import data_paths
from workers.backup.files import file_fetched
from workers.backup.manifest import SETTINGS
from workers.backup.site_settings import key_fingerprint, secret_key_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workers.backup.restore import Backup


@dataclass(frozen=True)
class KeyRestored:
    """What became of the backup's `SECRET_KEY`, which a backup holds only where it was made `--with-keys`.

    `file`: the data folder's. `written`: it is the backup's now. `refused`: the backup has a key, which was not written
    because the file is there. `differs`: what will run here uses another key than the site that was backed up.
    """

    file: Path
    written: bool
    refused: bool
    differs: bool

    def sentences(self) -> Iterator[str]:
        """Yield what an operator has to know."""
        if self.written:
            yield f"SECRET_KEY of the backup is in {self.file}"
        if not self.differs:
            return
        if self.written:
            yield "The SECRET_KEY of the environment is another one, and counts."
        if self.refused:
            yield (
                f"The backup's SECRET_KEY was not taken, for {self.file} is there already. To take it, move that file"
                " away and restore again with --replace."
            )
        yield (
            "This site's SECRET_KEY is not the one of the site that was backed up: second factors and the keys of S3"
            " sources cannot be read with it, and webhooks are signed with other keys. Start the site with the old"
            f" key, in {self.file} or in the environment."
        )


def key_restore(backup: Backup) -> KeyRestored:
    """Write the backup's `SECRET_KEY`, if it has one, into the data folder, unless that has a key."""
    with file_fetched(backup.place, backup.manifest, SETTINGS, backup.sealing) as path:
        kept = secret_key_of(path.read_bytes())
    file, own = data_paths().secret_key, settings.CONFIG.secret_key
    is_there = file.exists()
    if kept and not is_there:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(kept)
        own = own or kept
    wanted = backup.manifest.key_fingerprint or key_fingerprint(kept)
    return KeyRestored(
        file=file,
        written=bool(kept) and not is_there,
        refused=bool(kept) and is_there,
        differs=bool(wanted) and wanted != key_fingerprint(own),
    )
