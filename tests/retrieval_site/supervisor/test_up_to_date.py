from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from retrieval_site.supervisor.attach import PROJECT_FOLDER
from retrieval_site.supervisor.paths import DataPaths
from retrieval_site.supervisor.up_to_date import Bootstrapped

if TYPE_CHECKING:
    from pathlib import Path


ENVIRONMENTS = ("/.venv", "/var/", "/node_modules/")
APPS = sorted(
    str(first.parents[1].relative_to(PROJECT_FOLDER))
    for first in PROJECT_FOLDER.glob("**/migrations/0001_initial.py")
    if not any(folder in str(first) for folder in ENVIRONMENTS)
)
"""Every app of this repository that has migrations, wherever it lies."""


@pytest.fixture
def bootstrapped(tmp_path: Path) -> Bootstrapped:
    project = tmp_path / "project"
    for app in APPS:
        (project / app / "migrations").mkdir(parents=True)
        (project / app / "migrations" / "0001_initial.py").touch()
        (project / app.split("/")[0] / "__init__.py").touch()
    (project / "static" / "css").mkdir(parents=True)
    (project / "static" / "css" / "base.css").touch()
    bootstrapped = Bootstrapped(DataPaths(tmp_path / "data"), project)
    bootstrapped.paths.postgres.mkdir(parents=True)
    (bootstrapped.paths.root / "static").mkdir()
    bootstrapped.note()
    return bootstrapped


def test_a_later_start_skips_what_is_done(bootstrapped: Bootstrapped) -> None:
    assert bootstrapped.is_current()


def test_what_is_forgotten_is_done_again(bootstrapped: Bootstrapped) -> None:
    bootstrapped.forget()
    assert not bootstrapped.is_current()
    bootstrapped.forget()


def test_what_copies_the_data_folder_can_read_the_note(bootstrapped: Bootstrapped) -> None:
    assert (bootstrapped.paths.postgres / "sightline_bootstrapped").stat().st_mode & 0o444 == 0o444


def test_the_first_start_does_not(tmp_path: Path) -> None:
    assert not Bootstrapped(DataPaths(tmp_path)).is_current()


@pytest.mark.parametrize("name", [*(f"{app}/migrations/0002_more.py" for app in APPS), "static/css/more.css"])
def test_a_new_migration_or_static_file_is_noticed(bootstrapped: Bootstrapped, name: str) -> None:
    (bootstrapped.project / name).touch()
    assert not bootstrapped.is_current()


def test_a_changed_file_is_noticed(bootstrapped: Bootstrapped) -> None:
    (bootstrapped.project / "static" / "css" / "base.css").write_text("a {}")
    assert not bootstrapped.is_current()


@pytest.mark.parametrize("lost", ["postgres", "static"])
def test_a_lost_database_or_static_folder_is_noticed(bootstrapped: Bootstrapped, lost: str) -> None:
    shutil.rmtree(bootstrapped.paths.root / lost)
    assert not bootstrapped.is_current()


def test_static_files_collected_elsewhere_are_looked_for_there(
    bootstrapped: Bootstrapped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATIC_DIR", str(tmp_path / "elsewhere"))
    assert not bootstrapped.is_current()
    (tmp_path / "elsewhere").mkdir()
    assert bootstrapped.is_current()


def test_the_watched_files_of_this_project_exist() -> None:
    assert {"retrieval_site/accounts", "search"} <= set(APPS)
    assert list(PROJECT_FOLDER.glob("static/**/*.css"))
