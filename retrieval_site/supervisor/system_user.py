"""The unprivileged user that PostgreSQL runs as when we are root, which PostgreSQL refuses to be."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval_site.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from pathlib import Path

USER_NAME = "pgserver"


@dataclass(frozen=True)
class SystemUser:
    """A user and group by number; `None` for both means: stay who we are."""

    uid: int | None = None
    gid: int | None = None

    @property
    def owner(self) -> int:
        """The user id that owns what this user writes."""
        return os.getuid() if self.uid is None else self.uid


def database_user() -> SystemUser:
    """Return who shall run PostgreSQL: ourselves, or as root a system user made for it."""
    if os.geteuid() != 0:
        return SystemUser()
    entry = _find(USER_NAME) or _create(USER_NAME)
    return SystemUser(entry.pw_uid, entry.pw_gid)


def let_enter(path: Path) -> None:
    """As root, let others pass through (not list) every folder above `path`, so that a system user reaches it."""
    if os.geteuid() != 0:
        return
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create(name: str) -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is not None:
        command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 — fixed words
    entry = _find(name) or _find("nobody")
    if entry is None:
        raise SupervisorError(
            "PostgreSQL does not run as root and no system user could be made for it. "
            "Start as an ordinary user, or set DATABASE_URL."
        )
    return entry
