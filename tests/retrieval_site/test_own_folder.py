"""Temporary files go with their process, however it ended, and those of living ones stay."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from retrieval_site.own_folder import use_own_folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", None)
    former = os.umask(0o077)
    yield tmp_path / "jobs"
    os.umask(former)


def begun(root: Path) -> tuple[Path, int]:
    """A process's folder with a file in it, and the lock that the kernel would free at its end."""
    lock = use_own_folder(root, passable=True)
    with tempfile.NamedTemporaryFile(delete=False) as file:
        return Path(file.name).parent, lock


def test_what_a_killed_process_left_is_removed_by_the_next_one(root):
    killed, lock = begun(root)
    living, other = begun(root)
    assert killed.exists(), "its process lives as long as its lock is held"
    os.close(lock)
    third, last = begun(root)
    assert not killed.exists()
    assert sorted(root.iterdir()) == sorted([living, third])
    os.close(other)
    os.close(last)


def test_a_sandboxed_process_may_pass_through_but_not_look(root):
    own, lock = begun(root)
    assert {folder.stat().st_mode & 0o777 for folder in (root, own)} == {0o711}
    os.close(lock)


def test_a_folder_that_somebody_else_prepared_is_refused(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    root.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        use_own_folder(root, passable=True)
