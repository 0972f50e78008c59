"""Whether migrations and static files have been brought up to date already, so that a later start can skip them.

The note lies inside PostgreSQL's data folder: with the database it comes and goes.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval_site.supervisor.attach import PROJECT_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrieval_site.supervisor.paths import DataPaths

NOTE = "sightline_bootstrapped"


@dataclass(frozen=True)
class Bootstrapped:
    """The note of one installation."""

    paths: DataPaths
    project: Path = PROJECT_FOLDER

    def is_current(self) -> bool:
        """Return whether nothing that `bootstrap` works on has changed since it last ran here."""
        return self._note.is_file() and self._static.is_dir() and self._note.read_text() == self._digest()

    def note(self) -> None:
        """Remember that `bootstrap` ran on what is there now.

        PostgreSQL's own user can read it: `pg_basebackup` copies the whole folder.
        """
        self._note.write_text(self._digest())
        self._note.chmod(0o644)

    def forget(self) -> None:
        """Have the next start bring everything up to date: the database is about to become another one."""
        self._note.unlink(missing_ok=True)

    @property
    def _static(self) -> Path:
        return Path(os.environ.get("STATIC_DIR") or self.paths.root / "static")

    @property
    def _note(self) -> Path:
        return self.paths.postgres / NOTE

    def _digest(self) -> str:
        return hashlib.sha256("\n".join(self._state()).encode()).hexdigest()

    def _state(self) -> Iterator[str]:
        """Yield our migrations and static files with size and time, and every installed package with its version."""
        for path in sorted(self._watched()):
            status = path.stat()
            yield f"{path} {status.st_size} {status.st_mtime_ns}"
        yield from sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))

    def _watched(self) -> Iterator[Path]:
        """Yield static files, and migrations of every app: an app may lie inside another package."""
        yield from self.project.glob("static/**/*")
        for package in self.project.glob("*/__init__.py"):
            yield from package.parent.glob("**/migrations/*.py")
