"""The drill: a backup is restored into an empty temporary place, by the command that people use, and compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from retrieval_site.errors import AppError
from retrieval_site.supervisor.paths import DataPaths
from workers.backup.embedded import embedded_running

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "256MB",
    "archive_mode": "off",
}
"""Of a server that is thrown away, beside the site's own."""


def backup_drill(*, words: Sequence[str], folder: Path | None = None) -> dict[str, Any]:
    """Restore into a temporary server and folder, and return what was compared, as `restore --compare --json` says it.

    `words` are those of the command `restore`. `folder`: where there is room for all blobs and the database. Raises
    AppError `backup.*`, `restore.*`.
    """
    with tempfile.TemporaryDirectory(prefix="sightline-drill-", dir=folder) as temporary:
        root = Path(temporary)
        root.chmod(0o755)  # PostgreSQL's own user passes through it where we are root
        with embedded_running(DataPaths(root / "server"), SERVER_SETTINGS) as address:
            return _restored(words, address, root / "data")


def _restored(words: Sequence[str], address: str, data: Path) -> dict[str, Any]:
    environment = {
        **os.environ,
        "DATABASE_URL": address,
        "DATABASE_READ_URL": "",
        "VECTOR_SHARDS": "",
        "DATA_DIR": str(data),
        "BLOB_STORE": "folder",
        "BLOB_S3_BUCKET": "",
        "BLOB_S3_SIGNED_SECONDS": "0",
        "DJANGO_SETTINGS_MODULE": "retrieval_site.settings",
    }
    manage = str(Path(settings.BASE_DIR) / "manage.py")
    command = [sys.executable, manage, "restore", *words, "--compare", "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)  # noqa: S603  ours
    try:
        said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise AppError("backup.program_failed", program="restore", reason=done.stderr[-500:]) from None
    if error := said.get("error"):
        raise AppError.quoting(error["id"], error["message"], error["detail"])
    return said
