"""Where sources may lie."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from retrieval_site.errors import AppError


def allowed_folder(address: str) -> Path:
    """Return a folder's real path; raises AppError `source.folder_not_allowed` but below those of `SOURCE_FOLDERS`."""
    if "\0" in address or not Path(address).is_absolute():
        raise AppError("source.folder_not_allowed")
    found = Path(os.path.realpath(address))
    roots = (Path(os.path.realpath(folder)) for folder in settings.CONFIG.source_folders)
    if not any(found.is_relative_to(root) for root in roots):
        raise AppError("source.folder_not_allowed")
    return found
