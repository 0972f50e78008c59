"""The names under which the storage holds a site's files."""

from __future__ import annotations

import re

_NAME = re.compile(r"(?:thumbnails/[0-9]+/)?[0-9a-f]{2}/([0-9a-f]{64})(?:\.jpg)?")
"""A blob's, or a small copy's of one. Other names that hold a SHA-256, such as a backup's, are none of the site's."""


def blob_named(name: str) -> str:
    """Return the SHA-256 of the blob that a name is of, or that a small copy was made of; "" for others' names."""
    found = _NAME.fullmatch(name)
    return found[1] if found else ""
