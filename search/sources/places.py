"""Where sources may lie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from retrieval_site.errors import AppError
from search.models import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.querysets import Viewer


def needs_staff(kind: str, options: Mapping[str, Any]) -> bool:
    """Return whether a source reads what is the server's: its folders, or what its own keys open."""
    return kind == Source.Kind.FOLDER or (kind == Source.Kind.S3 and bool(options.get("server_keys")))


def is_staff(viewer: Viewer) -> bool:
    """Return whether somebody may name what is the server's."""
    return bool(getattr(viewer, "is_staff", False))


def allowed_folder(address: str) -> Path:
    """Return a folder's real path; raises AppError `source.folder_not_allowed` but below those of `SOURCE_FOLDERS`."""
    if "\0" in address or not Path(address).is_absolute():
        raise AppError("source.folder_not_allowed")
    found = Path(os.path.realpath(address))
    roots = (Path(os.path.realpath(folder)) for folder in settings.CONFIG.source_folders)
    if not any(found.is_relative_to(root) for root in roots):
        raise AppError("source.folder_not_allowed")
    return found
