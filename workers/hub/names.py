"""What a repository, a revision and a path on a hub may be called, so that each is safe in an address and on a disk."""

from __future__ import annotations

import re

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]"
_REPOSITORY = re.compile(rf"{_PART}{{0,95}}(/{_PART}{{0,95}})?")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PATH = re.compile(rf"{_PART}{{0,99}}(/{_PART}{{0,99}}){{0,4}}")


def is_repository(name: str) -> bool:
    """Tell whether this can be a repository: `OWNER/NAME`, or `NAME` alone."""
    return _REPOSITORY.fullmatch(name) is not None and ".." not in name


def is_revision(name: str) -> bool:
    """Tell whether this can be a branch, a tag or a commit."""
    return _REVISION.fullmatch(name) is not None and ".." not in name


def is_commit(name: str) -> bool:
    """Tell whether this is a commit's own name, whose files do not change."""
    return _COMMIT.fullmatch(name) is not None


def is_path(path: str) -> bool:
    """Tell whether this can be a file or a folder inside of a repository, down to five levels."""
    return _PATH.fullmatch(path) is not None
