"""Where everything of one installation lies: one data folder, and a short folder for its sockets."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from retrieval_site.supervisor.errors import SupervisorError

# sun_path holds 108 bytes with its closing zero; the longest name below the folder is PostgreSQL's lock file.
SOCKET_PATH_MAX_BYTES = 107
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"
# What needs no quoting in an address, nor in PostgreSQL's list of folders.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


@dataclass(frozen=True)
class DataPaths:
    """The files of one installation, all below `root` except sockets whose path would be too long there."""

    root: Path

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data folder."""
        return self.root / "postgres"

    @property
    def log(self) -> Path:
        """One log file per child."""
        return self.root / "log"

    @property
    def lock(self) -> Path:
        """Held with flock by the running supervisor; contains its process id and address."""
        return self.root / "serve.lock"

    @property
    def children(self) -> Path:
        """Which processes the supervisor started, so that the next start can end what a kill -9 left."""
        return self.root / "children.json"

    @property
    def secret_key(self) -> Path:
        """Django's secret key, made at the first start, readable by its owner alone."""
        return self.root / "secret_key"

    @property
    def demo_loaded(self) -> Path:
        """Present once the demo has been loaded, so that removing it by hand stays so."""
        return self.root / "demo_loaded"

    @property
    def run(self) -> Path:
        """The folder of the sockets: below `root`, or a short and plain one below /tmp named after it."""
        inside = self.root / "run"
        fits = len(os.fsencode(inside / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_MAX_BYTES
        if fits and PLAIN_PATH.fullmatch(str(inside)):
            return inside
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"sightline-{os.getuid()}-{digest}"

    @property
    def redis_socket(self) -> Path:
        """Redis's socket."""
        return self.run / "redis.sock"

    @property
    def database_url(self) -> str:
        """The embedded PostgreSQL as DATABASE_URL: user `postgres`, database `sightline`, socket folder as host."""
        return f"postgresql://postgres@/sightline?host={self.run}"

    @property
    def redis_url(self) -> str:
        """The embedded Redis as REDIS_URL."""
        return f"unix://{self.redis_socket}?db=0"


def make_private_folder(path: Path, owner: int, advice: str = "Remove it and start again.") -> None:
    """Make a folder that only `owner` (a user id) may enter; refuse one that somebody else prepared."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
        if path.is_symlink() or status.st_uid not in (os.getuid(), owner):
            raise SupervisorError(f"{path} belongs to somebody else. {advice}")
        path.chmod(0o700)
        if status.st_uid != owner:
            os.chown(path, owner, -1)
    except OSError as error:
        raise SupervisorError(f"The folder {path} cannot be used ({error.strerror}).") from error
