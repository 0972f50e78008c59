"""Temporary files go with their process, however it ended, and those of living ones stay."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from retrieval_site.own_folder import own_folder, use_own_folder
from tests.support.workers import ROOT


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


def folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir())


def another_process(root: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """A process that has made its folder below `root`, with a file in it, and waits."""
    script = (
        "import pathlib, sys, tempfile\n"
        "from retrieval_site.own_folder import use_own_folder\n"
        "use_own_folder(pathlib.Path(sys.argv[1]))\n"
        "print(tempfile.mkstemp()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(root)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().decode().strip()).parent


def test_of_two_processes_each_leaves_the_other_alone_until_it_is_killed(root):
    first, its_folder = another_process(root)
    second, other_folder = another_process(root)
    assert folders(root) == sorted([its_folder, other_folder])
    first.kill()
    first.communicate()
    third, last_folder = another_process(root)
    assert folders(root) == sorted([other_folder, last_folder])
    for process in (second, third):
        process.communicate()
    with own_folder(root) as own:
        assert folders(root) == [own]
    assert [path.name for path in root.iterdir()] == ["starting.lock"]


def test_what_is_locked_is_a_file_opened_for_writing_since_nfs_tells_no_other_machine_of_the_rest(root):
    lock = use_own_folder(root)
    assert stat.S_ISREG(os.fstat(lock).st_mode)
    assert fcntl.fcntl(lock, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
    os.close(lock)


def test_a_folder_of_its_own_goes_with_an_error_too(root):
    with pytest.raises(ZeroDivisionError), own_folder(root) as own:
        (own / "half").touch()
        raise ZeroDivisionError
    assert folders(root) == []


def test_what_a_killed_process_left_is_removed_by_the_next_one(root):
    killed, lock = begun(root)
    living, other = begun(root)
    assert killed.exists(), "its process lives as long as its lock is held"
    os.close(lock)
    third, last = begun(root)
    assert not killed.exists()
    assert folders(root) == sorted([living, third])
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
