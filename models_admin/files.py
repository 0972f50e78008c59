"""A version's files on this machine: bundles come out of the storage once and lie extracted in the data folder."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from workers.inference.bundles import bundle_extract
from workers.storage.blobs import blob_open
from workers.storage.folder import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.base import File

    from models_admin.models import ModelVersion
    from workers.models import Blob


@contextmanager
def file_on_disk(file: File[bytes]) -> Iterator[Path]:
    """Give an opened file as a path: its own where it has one, else a temporary copy, never all of it in memory."""
    own = _own_path(file)
    if own is not None:
        yield own
        return
    with tempfile.NamedTemporaryFile(suffix=Path(file.name or "").suffix) as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy, CHUNK_BYTES)
        copy.flush()
        file.seek(0)
        yield Path(copy.name)


def _own_path(file: File[bytes]) -> Path | None:
    if hasattr(file, "temporary_file_path"):
        return Path(file.temporary_file_path())
    path = Path(file.name) if file.name else None
    return path if path and path.is_absolute() and path.is_file() else None


def bundle_name(version: ModelVersion) -> str:
    """Return what the version's bundle is called as a file: `name-number.bundle.zip`."""
    return f"{version.name}-{version.number}.bundle.zip"


@contextmanager
def blob_on_disk(blob: Blob) -> Iterator[Path]:
    """Give a blob as a path; a copy only where the storage is no folder of this machine."""
    with blob_open(blob) as file, file_on_disk(file) as path:
        yield path


def version_folder(version: ModelVersion) -> Path:
    """Return the folder of the version's extracted bundle, extracting it here first where it is not yet.

    Processes that do so at once do not disturb each other: the folder appears whole or not at all.
    """
    blob = version.served or version.bundle
    folder = Path(settings.DATA_DIR) / "versions" / blob.sha256[:32]
    if folder.is_dir():
        return folder
    try:
        with blob_on_disk(blob) as path:
            bundle_extract(path, folder)
    except OSError:
        if not folder.is_dir():  # another process was not faster: this is a real failure
            raise
    return folder


def encoder_cache() -> Path:
    """Return the folder of compiled networks, which makes every start of an encoder but the first fast."""
    folder = Path(settings.DATA_DIR) / "encoders"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
